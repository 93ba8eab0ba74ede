"""What the terminal shows of a run.

```
overview.py  what a page says of a run       page.py        the page itself
curves.py    which metrics are drawn         plot.py        a curve in characters
layers.py    what is known of each layer     layertable.py  the table of them
tiles.py     weights as small maps           halfblocks.py  maps in the terminal
palette.py   which colour a weight has       pixels.py      maps in colours
picture.py   maps as a picture file          recipe.py      a stored recipe in words
listing.py   a table of runs                 columns.py     a table that fits the terminal
bars.py      numbers as small bars           figures.py     numbers, names and moments
scores.py    which metrics sum a run up      status.py      how a recording stands
document.py  facts as JSON                   reasons.py     pages of reasons
console.py   the console of all pages        visible.py      text that commands no terminal
streams.py   standard output and error
turned.py    what turns changed              turnpage.py     the page of it
```
"""
