"""The desk in the browser: what the page may ask, and the server that answers.

```
app.py        the routes            security.py  who may use them
launch.py     link, browser, start  keys.py      the secrets: token, tickets, cookies
address.py    where it listens      connections.py  bounds on those who have no token
browser.py    opens the browser     live.py      tells the page that a run has grown
turns.py      pages ask in turns    aside.py     a process for what takes long
session.py    one run being looked at, with the desks on which it is turned
subject.py    the network and the examples that it is judged by
wire.py       how messages and arrays travel
typescript.py the messages as TypeScript, for the page
questions/    one question a file, each with its answer
static/       the built page, not in git
```
"""
