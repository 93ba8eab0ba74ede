"""The messages as TypeScript, for the page; `make messages` writes them to web/src/messages.ts."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from weightdesk.server.questions import QUESTIONS
from weightdesk.server.questions.question import Question
from weightdesk.server.wire import ArrayOf, Message

_ARRAYS: Final = {
    "float32": "Numbers<Float32Array>",
    "float64": "Numbers<Float64Array>",
    "int32": "Numbers<Int32Array>",
    "uint8": "Numbers<Uint8Array>",
}
_PLAIN: Final = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null"}
_HEAD: Final = """// Made by `make messages` from weightdesk/server/questions: do not edit.

export interface Numbers<T> {
  readonly data: T;
  readonly shape: readonly number[];
}
"""


def typescript() -> str:
    """All messages, and which question is answered by which."""
    answers = {kind: _answer(question) for kind, question in QUESTIONS.items()}
    known: dict[str, type[Message]] = {}
    for each in (*QUESTIONS.values(), *answers.values()):
        _gather(each, known)
    parts = [_interface(name, each) for name, each in sorted(known.items())]
    questions = [f"  {kind}: {each.__name__};" for kind, each in sorted(QUESTIONS.items())]
    answered = [f"  {kind}: {each.__name__};" for kind, each in sorted(answers.items())]
    settled = [f'"{kind}"' for kind, each in sorted(QUESTIONS.items()) if each.settled]
    return "\n".join(
        [
            _HEAD, *parts,
            "export interface Questions {", *questions, "}\n",
            "export interface Answers {", *answered, "}\n",
            f"export const SETTLED: ReadonlySet<keyof Questions> = new Set([{', '.join(settled)}]);\n",
        ]
    )  # fmt: skip


def _answer(question: type[Question[Any]]) -> type[Message]:
    generic = (getattr(base, "__pydantic_generic_metadata__", {}) for base in question.__mro__[1:])
    found: type[Message] = next(each["args"][0] for each in generic if each.get("args"))
    return found


def _gather(message: type[Message], known: dict[str, type[Message]]) -> None:
    if message.__name__ in known:
        return
    known[message.__name__] = message
    for field in message.model_fields.values():
        for each in _messages(field.annotation):
            _gather(each, known)


def _messages(annotation: Any) -> Iterator[type[Message]]:
    if isinstance(annotation, type) and issubclass(annotation, Message):
        yield annotation
    for each in get_args(annotation):
        yield from _messages(each)


def _interface(name: str, message: type[Message]) -> str:
    lines = []
    for key, field in message.model_fields.items():
        annotated = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        optional = "" if field.is_required() else "?"
        lines.append(f"  readonly {key}{optional}: {_type(annotated)};")
    about = (message.__doc__ or "").strip().splitlines()[0]
    return "\n".join([f"/** {about} */", f"export interface {name} {{", *lines, "}\n"])


def _type(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        of = [each for each in inner[1:] if isinstance(each, ArrayOf)]
        return _ARRAYS[of[0].dtype] if of else _type(inner[0])
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if origin is Literal:
        return " | ".join(f'"{each}"' if isinstance(each, str) else str(each).lower() for each in inner)
    if origin in (Union, types.UnionType):
        return " | ".join(_type(each) for each in inner)
    if origin in (tuple, list):
        if origin is tuple and inner[-1] is not Ellipsis:
            return f"readonly [{', '.join(_type(each) for each in inner)}]"
        held = _type(inner[0])
        return f"readonly ({held})[]" if " " in held else f"readonly {held}[]"
    if origin is dict:
        return f"Readonly<Record<string, {_type(inner[1])}>>"
    return str(annotation.__name__)


if __name__ == "__main__":
    print(typescript(), end="")
