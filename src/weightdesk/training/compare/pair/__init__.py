"""Runs that exist already, side by side.

```
difference.py  the page: what differs          recipes.py   which options differ
parting.py     where loss curves part          matching.py  units of one network in the order of another's
layers.py      which layers differ
```
"""
