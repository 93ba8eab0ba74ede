"""Runs that are damaged or hostile: made from sound ones by a seed, then asked everything.

```
samples.py   sound runs to begin with           snapshots.py  what may be wrong with a safetensors file
values.py    values that nobody expects         places.py     what may lie where a file should
manifests.py what may be wrong with run.json    questions.py  all that can be asked of a run
tables.py    what may be wrong with Parquet     worker.py     a process that does so for many seeds
```
"""
