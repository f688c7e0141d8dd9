"""Commands of `tocsin token`, about the tokens of programs that hand events in over HTTP."""

from __future__ import annotations

from argparse import Namespace

from cli.context import Context, open_for_reading, open_for_writing
from cli.json_shapes import Shape
from cli.output import ago_text
from domain.clients import new_token
from domain.wording import named, second_text, time_text
from store import tokens
from store.records import StoredToken

HEADERS = ("NAME", "MADE", "LAST USE")


def list_all(args: Namespace, context: Context) -> None:
    """Print the names of the tokens, never a token."""
    found = open_for_reading(context).call(tokens.load_all)
    if args.json:
        context.out.json([_shape(token) for token in found])
        return
    now_ms = context.now_ms()
    rows = [
        (token.name, second_text(token.created_ms), ago_text(token.used_ms, now_ms))
        for token in found
    ]
    context.out.table(rows, HEADERS)
    if not found:
        context.out.note("No token yet: `tocsin token add NAME` makes one.")


def add(args: Namespace, context: Context) -> None:
    """Make a token and print it; it is kept nowhere."""
    store = open_for_writing(context)
    token = new_token(context.random_bytes)
    made = store.call(tokens.add, args.name, token, context.actor, context.now_ms())
    if args.json:
        context.out.json(_shape(made) | {"token": token})
    else:
        context.out.data(token)
    context.out.note(
        f"This is the token of {made.name}; it is shown this once. A program sends it as "
        "`Authorization: Bearer TOKEN`."
    )


def delete(args: Namespace, context: Context) -> None:
    """Delete tokens after asking."""
    store = open_for_writing(context)
    names = list(dict.fromkeys(args.names))
    for name in names:
        store.call(tokens.find, name)
    question = f"Delete {named('token', names)}? Whoever shows it is not let in any more."
    context.out.confirm(question, args.yes)
    for name in names:
        store.call(tokens.delete, name, context.actor, context.now_ms())


def _shape(token: StoredToken) -> Shape:
    return {
        "name": token.name,
        "created": time_text(token.created_ms),
        "last_use": time_text(token.used_ms),
    }
