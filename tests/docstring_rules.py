"""What a docstring must say: what it is, its arguments, what it raises.

Each rule is a function that gives what is missing, so that it can be shown to see it.
"""

import ast
import dataclasses
import functools
import inspect
import re
import textwrap
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

PACKAGES = ("geomnet", "pde_data")
# `raise` of these tells of no mistake in an argument.
NO_REFUSAL = {"NotImplementedError", "AssertionError", "StopIteration"}
RAISES = "**Raises:**"


@dataclasses.dataclass(frozen=True)
class Documented:
    """Something that users name or call, with all that is written about it."""

    name: str
    text: str
    function: Callable[..., Any] | None = None
    parameters: tuple[str, ...] = ()
    owner: type | None = None
    # A class says what it is; its methods `__init__` and `__call__` need not again.
    has_summary: bool = True


def documented(name: str, value: Any, ours: tuple[str, ...]) -> Iterator[Documented]:
    """A function, or a class and its public methods, of some packages."""
    if isinstance(value, types.FunctionType):
        yield Documented(name, value.__doc__ or "", plain(value), parameters(value))
    elif inspect.isclass(value):
        yield _of_class(name, value, ours)
        for owner in value.__mro__:
            if is_ours(owner, ours):
                yield from _methods(owner, ours)


def is_ours(value: Any, ours: tuple[str, ...]) -> bool:
    return str(getattr(value, "__module__", "")).partition(".")[0] in ours


def plain(value: Any) -> Any:
    """The function as it is written, without what is around it."""
    return inspect.unwrap(getattr(value, "method", value))


def plain_of_member(value: Any) -> Any:
    """The function in a property, a method of the class, or a method."""
    inner = getattr(value, "fget", None) or getattr(value, "func", None)
    return plain(inner or getattr(value, "__func__", value))


def parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    names = inspect.signature(plain(function)).parameters
    return tuple(n for n in names if n not in ("self", "cls") and n[0] != "_")


def _of_class(name: str, cls: type, ours: tuple[str, ...]) -> Documented:
    """With its `__init__`, where one is written; else its fields are the arguments."""
    text = own_text(cls)
    made_by = [c for c in cls.__mro__ if is_ours(c, ours) and _is_written(c)]
    if made_by:
        function = plain(made_by[0].__dict__["__init__"])
        names, text = parameters(function), text + "\n\n" + (function.__doc__ or "")
        return Documented(name, text, function, names, cls)
    fields: tuple[str, ...] = getattr(cls, "_fields", ())
    if dataclasses.is_dataclass(cls):
        fields = tuple(f.name for f in dataclasses.fields(cls) if f.init)
    said = {f for c in cls.__mro__ if is_ours(c, ours) for f in fields_with_words(c)}
    names = tuple(f for f in fields if f not in said)
    for base in cls.__mro__:
        for check in ("__post_init__", "__check_init__"):
            if is_ours(base, ours) and check in vars(base):
                text += "" if base is cls else "\n\n" + own_text(base)
                return Documented(name, text, plain(vars(base)[check]), names, cls)
    return Documented(name, text, None, names, cls)


def _is_written(cls: type) -> bool:
    init = plain(cls.__dict__.get("__init__"))
    return is_written(init) and inspect.getfile(init) == inspect.getfile(cls)


def is_written(function: Any) -> bool:
    """Whether its source is there; what a library makes has none."""
    code = getattr(function, "__code__", None)
    return code is not None and not code.co_filename.startswith("<")


def own_text(cls: type) -> str:
    """What is written in the class; a dataclass without words makes up its own."""
    return ast.get_docstring(_tree(cls)) or ""


@functools.lru_cache(4096)
def _tree(value: Any) -> Any:
    return ast.parse(textwrap.dedent(inspect.getsource(value))).body[0]


def fields_with_words(cls: type) -> set[str]:
    """The fields that have a text of their own below them, or in their `setting`."""
    body = _tree(cls).body
    found = set()
    for node, below in zip(body, [*body[1:], ast.Pass()], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            has_text = isinstance(below, ast.Expr) and isinstance(
                getattr(below.value, "value", None), str
            )
            value = node.value
            is_setting = isinstance(value, ast.Call) and ast.unparse(value.func) == (
                "setting"
            )
            found |= {node.target.id} if has_text or is_setting else set()
    return found


def _methods(owner: type, ours: tuple[str, ...]) -> Iterator[Documented]:
    for name, value in vars(owner).items():
        if name.startswith("_") and name != "__call__":
            continue
        whole = f"{owner.__module__}.{owner.__qualname__}.{name}"
        function = plain_of_member(value)
        if not isinstance(function, types.FunctionType):
            continue
        # What an override does not say again, the method above it says.
        above = [vars(c).get(name) for c in owner.__mro__[1:] if is_ours(c, ours)]
        texts = [plain_of_member(m).__doc__ or "" for m in (value, *above) if m]
        yield Documented(
            whole,
            "\n\n".join(filter(None, texts)),
            function,
            parameters(function),
            owner,
            name != "__call__",
        )


def wrong_summary(it: Documented) -> list[str]:
    """The first paragraph is one sentence or more, and no part."""
    first = it.text.strip().partition("\n\n")[0]
    if not it.has_summary:
        return [] if first else ["no text"]
    if not first or first.startswith("**"):
        return ["no summary"]
    return [] if first.rstrip("`)")[-1] in ".:" else ["summary without end"]


CODE = re.compile(r"`+([^`]+)`+")
# `**Arguments:** as of `vrmse`` sends the reader there.
ELSEWHERE = re.compile(
    r"^ *\*\*Arguments:\*\* as (?:in|of|for) `([\w.]+)`", re.MULTILINE
)


def unsaid_parameters(it: Documented, texts: Mapping[str, str]) -> list[str]:
    """The parameters that stand in no code of the text, nor where it sends its reader.

    **Arguments:** `texts`: those of all public names, by the last part of the name.
    """
    text, sent = it.text, ELSEWHERE.findall(it.text)
    for name in sent:
        other = texts.get(name.rpartition(".")[2], "")
        text += other
        sent += [more for more in ELSEWHERE.findall(other) if more not in sent]
    words = {w for code in CODE.findall(text) for w in re.findall(r"\w+", code)}
    return [f"`{name}`" for name in it.parameters if name not in words]


def raises(function: Callable[..., Any], owner: type | None = None) -> bool:
    """Whether a function refuses: by itself, by `checked`, or by what it calls.

    Of what it calls, by names of its module or of `self`: what has `raise` in it or
    says that it raises.
    """
    if not is_written(function):
        return False
    tree = _tree(function)
    is_checked = "checked" in map(ast.unparse, getattr(tree, "decorator_list", ()))
    if is_checked or _has_raise(tree):
        return True
    return any(
        _has_raise(_tree(called)) or "**Raises" in (called.__doc__ or "")
        for called in _called(tree, function, owner)
    )


def _has_raise(tree: ast.AST) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node.exc is not None:
            made = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            if ast.unparse(made) not in NO_REFUSAL:
                return True
    return False


def _called(tree: ast.AST, function: Any, owner: type | None) -> Iterator[Any]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called: Any = None
        if isinstance(node.func, ast.Name):
            called = function.__globals__.get(node.func.id)
        elif isinstance(node.func, ast.Attribute) and owner is not None:
            of_own = ast.unparse(node.func.value) in ("self", "cls")
            called = getattr(owner, node.func.attr, None) if of_own else None
        called = plain(getattr(called, "__func__", called))
        if is_written(called) and (
            is_ours(called, PACKAGES) or called.__module__ == function.__module__
        ):
            yield called


def unsaid_refusals(it: Documented) -> list[str]:
    if it.function is None or RAISES in it.text:
        return []
    return [RAISES] if raises(it.function, it.owner) else []


def wrong(it: Documented, texts: Mapping[str, str]) -> list[str]:
    """All that is missing from one docstring."""
    missing = wrong_summary(it) + unsaid_parameters(it, texts) + unsaid_refusals(it)
    if "Reference" in it.text and not has_source(it.text):
        missing.append("a year in parentheses")
    return missing


# As in `(Li et al. 2021)` and `Toro (2009)`.
YEAR = re.compile(r"\((?:[^()]*\s)?(?:18|19|20)\d\d\b[^()]*\)")


def has_source(text: str) -> bool:
    """Whether a text names who has published it, and when."""
    return YEAR.search(text) is not None


def says_equivariant(text: str) -> bool:
    """Whether a text says, in one paragraph, under what and on which grids."""
    for paragraph in text.split("\n\n"):
        _, marker, said = paragraph.partition("**Exactly equivariant**")
        if marker:
            under = re.search(r"\b(under|where)\b", said)
            return bool(under and re.search(r"\b(grids?|translations)\b", said))
    return False


def reported(values: Mapping[str, Any], ours: tuple[str, ...]) -> dict[str, list[str]]:
    """What is missing from the docstrings of named values, by name."""
    each = {it.name: it for n, v in values.items() for it in documented(n, v, ours)}
    texts = {name.rpartition(".")[2]: it.text for name, it in each.items()}
    found = {name: wrong(it, texts) for name, it in each.items()}
    return {name: missing for name, missing in found.items() if missing}
