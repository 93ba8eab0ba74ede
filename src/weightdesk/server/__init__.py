"""The desk in the browser: what the page may ask, and the server that answers.

```
app.py        the routes            security.py  who may use them
launch.py     port, link, browser   live.py      tells the page that a run has grown
session.py    one run being looked at, with the desks on which it is turned
subject.py    the network and the examples that it is judged by
wire.py       how messages and arrays travel
typescript.py the messages as TypeScript, for the page
questions/    one question a file, each with its answer
static/       the built page, not in git
```
"""
