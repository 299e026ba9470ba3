"""What ``livegate doctor`` looks at, and the room for more.

An area is one module of this package with one function::

    def checks(context: Context) -> Iterator[Check]:
        yield from one_by_one("lights", context, backlight, illuminator)

    def backlight(context: Context) -> Check: ...                  # is named lights.backlight
    def illuminator(context: Context) -> Iterator[Check]: ...      # names its checks itself

It stands in ``registry.AREAS`` by its name, in the order in which areas are run, and is imported when its turn comes:
an area whose libraries do not load fails, and the others go on. `checking.one_by_one` runs the functions that it is
given one after the other; what one of them raises becomes a failed check, and the next is run all the same. A
LivegateError is told by its text and remedy, anything else by its type alone.

What an area keeps to:

* A name is ``area.thing`` in small letters; `checking.ok`, ``warn``, ``fail`` and ``skipped`` make the checks.
* It looks, and leaves everything as it was: nothing is written to the state folder, and what it switches on or opens is
  put back in a ``finally``, since a reader of the checks may stop early and then closes the iterators.
* Nothing waits without a limit: `Context.command` has one for each program, and so must each connection and each read.
* Files of the system are looked for below `Context.roots`, times are asked of the context: tests can give both.
* `Context.settings` is None where the configuration cannot be read; what needs it is skipped, with `checking.UNREAD`.
* Everything runs in one thread, one check after the other. A library that may crash is tried in a child process
  (`Context.command`).
"""
