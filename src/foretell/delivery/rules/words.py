"""A rule told in plain words."""

from foretell.delivery.rules.condition import (
    FLIPPED,
    OPPOSITE,
    All,
    Between,
    Call,
    Compare,
    Condition,
    Constant,
    Like,
    Member,
    Missing,
    Name,
    Not,
    Operator,
    Shift,
    Some,
    Truth,
    Value,
    value_columns,
)
from foretell.delivery.rules.phrases import Speech
from foretell.delivery.rules.types import kind_of

_SIZE: dict[Operator, str] = {
    "=": "is", "<>": "is not", "<": "is below", "<=": "is at most", ">": "is above", ">=": "is at least",
}  # fmt: skip
_DAY: dict[Operator, str] = {
    "=": "is", "<>": "is not", "<": "is before", "<=": "is not after", ">": "is after", ">=": "is not before",
}  # fmt: skip


_NO_OR_YES = (Constant(0), Constant(1))


def sentence(condition: Condition, speech: Speech) -> str:
    """Tell a rule.

    Parameters
    ----------
    condition : Condition
        A rule whose types were looked at.
    speech : Speech
        Columns, horizons, currency, day.

    Returns
    -------
    str
        One sentence with a full stop, as in ``Customers where the number of orders is at least 2.``
    """
    if condition == everybody():
        return "All customers."
    return f"Customers where {clause(condition, speech)}."


def everybody() -> Condition:
    """Return the rule that holds of everybody.

    Returns
    -------
    Condition
        The rule ``TRUE``.
    """
    return Truth(Constant(value=True))


def clause(condition: Condition, speech: Speech) -> str:
    """Tell a condition as a part of a sentence.

    Parameters
    ----------
    condition : Condition
        A rule or a part of one.
    speech : Speech
        Columns, horizons, currency, day.

    Returns
    -------
    str
        Without capital and full stop.
    """
    if isinstance(condition, All):
        return _listed([_inner(part, speech) for part in condition.parts], "and")
    if isinstance(condition, Some):
        return "either " + _listed([_inner(part, speech) for part in condition.parts], "or")
    if isinstance(condition, Not):
        return _denied(condition.inner, speech)
    return _atom(condition, speech, denied=False)


def _inner(part: Condition, speech: Speech) -> str:
    text = clause(part, speech)
    return f"({text})" if isinstance(part, All | Some) else text


def _denied(inner: Condition, speech: Speech) -> str:
    if isinstance(inner, All | Some):
        return f"it is not so that {_inner(inner, speech)}"
    if isinstance(inner, Not):
        return clause(inner.inner, speech)
    return _atom(inner, speech, denied=True)


def _atom(atom: Condition, speech: Speech, *, denied: bool) -> str:
    no = " not" if denied else ""
    if isinstance(atom, Compare):
        return _compare(atom, speech, denied=denied)
    if isinstance(atom, Between):
        name = _column(atom.value)
        low, high = (_told(value, speech, name) for value in (atom.low, atom.high))
        return f"{_told(atom.value, speech)} is{no} from {low} to {high}"
    if isinstance(atom, Member):
        name = _column(atom.value)
        options = [_told(option, speech, name) for option in atom.options]
        if len(options) == 1:
            return f"{_told(atom.value, speech)} is{no} {options[0]}"
        word = "none" if denied else "one"
        return f"{_told(atom.value, speech)} is {word} of {_listed(options, 'and')}"
    if isinstance(atom, Like):
        return f"{_told(atom.value, speech)} {_pattern(atom.pattern, denied=denied)}" + (
            " (capitals or not)" if atom.any_case else ""
        )
    if isinstance(atom, Missing):
        return f"{_told(atom.value, speech)} is {'known' if denied else 'not known'}"
    value = getattr(atom, "value", None)
    if isinstance(value, Name):
        return _yes_or_no(value, speech, yes=not denied)
    return "nobody is left out" if (value == Constant(value=True)) != denied else "nobody is let in"


def _yes_or_no(value: Name, speech: Speech, *, yes: bool) -> str:
    phrase = speech.phrase(value.name)
    if " is " in phrase:
        return phrase if yes else phrase.replace(" is ", " is not ", 1)
    return f"{phrase} is {'yes' if yes else 'no'}"


def _compare(atom: Compare, speech: Speech, *, denied: bool) -> str:
    left, operator, right = atom.left, atom.operator, atom.right
    if isinstance(left, Constant) and not isinstance(right, Constant):
        left, operator, right = right, FLIPPED[operator], left
    if denied:
        operator = OPPOSITE[operator]
    if isinstance(right, Constant) and isinstance(right.value, bool) and isinstance(left, Name):
        return _yes_or_no(left, speech, yes=right.value == (operator == "="))
    if isinstance(left, Name) and speech.is_flag(left.name) and operator in ("=", "<>") and right in _NO_OR_YES:
        return _yes_or_no(left, speech, yes=(right == _NO_OR_YES[1]) == (operator == "="))
    if isinstance(right, Shift) and right.base == Name("as_of"):
        return f"{_told(left, speech)} {_from_the_day(operator, right)}"
    verbs = _DAY if _is_day(left, speech) or _is_day(right, speech) else _SIZE
    return f"{_told(left, speech)} {verbs[operator]} {_told(right, speech, _column(left))}"


def _from_the_day(operator: Operator, moved: Shift) -> str:
    """Tell a day by its distance from that of the scores, which lies before or after it."""
    earlier = moved.count < 0
    far: dict[Operator, str] = {"=": "exactly", "<>": "not exactly", "<": "more than" if earlier else "less than"}
    far |= {"<=": "at least" if earlier else "at most", ">": "less than" if earlier else "more than"}
    far[">="] = "at most" if earlier else "at least"
    units = moved.unit if abs(moved.count) == 1 else f"{moved.unit}s"
    side = "before" if earlier else "after"
    return f"is {far[operator]} {abs(moved.count)} {units} {side} the day of the scores"


def _is_day(value: Value, speech: Speech) -> bool:
    if isinstance(value, Shift):
        return True
    column = speech.columns.get(_column(value) or "")
    return column is not None and kind_of(column.dtype) == "date"


def _told(value: Value, speech: Speech, compared_with: str | None = None) -> str:
    if isinstance(value, Name):
        return speech.phrase(value.name)
    if isinstance(value, Constant):
        return speech.value(value.value, compared_with)
    if isinstance(value, Shift):
        units = value.unit if abs(value.count) == 1 else f"{value.unit}s"
        return f"{abs(value.count)} {units} {'before' if value.count < 0 else 'after'} {_told(value.base, speech)}"
    return _call(value, speech, compared_with)


def _call(call: Call, speech: Speech, compared_with: str | None) -> str:
    inner = compared_with or _column(call)
    told = [_told(argument, speech, inner) for argument in call.arguments]
    if call.function == "COALESCE" and len(told) == 2:
        return f"{told[0]} ({told[1]} where it is not known)"
    if call.function in ("YEAR", "MONTH", "DAY"):
        return f"the {call.function.lower()} of {told[0]}"
    if call.function == "ABS":
        return f"the size of {told[0]}"
    if call.function == "ROUND":
        return f"{told[0]}, rounded,"
    if call.function in ("LOWER", "UPPER"):
        return told[0]
    if call.function.isalpha():
        return f"{call.function.lower()}({', '.join(told)})"
    words = {"+": "plus", "-": "less", "*": "times", "/": "divided by", "%": "modulo"}
    return f"{told[0]} {words[call.function]} {told[1]}"


def _column(value: Value) -> str | None:
    names = set(value_columns(value))
    return names.pop() if len(names) == 1 else None


def _pattern(pattern: str, *, denied: bool) -> str:
    text = pattern.strip("%")
    starts, ends = not pattern.startswith("%"), not pattern.endswith("%")
    if "%" in text or "_" in text:
        return f"does not fit the pattern “{pattern}”" if denied else f"fits the pattern “{pattern}”"
    if starts and ends:
        return f"is{' not' if denied else ''} “{text}”"
    verb, rest = ("begin", " with") if starts else ("end", " in") if ends else ("contain", "")
    return f"does not {verb}{rest} “{text}”" if denied else f"{verb}s{rest} “{text}”"


def _listed(parts: list[str], word: str) -> str:
    if len(parts) == 1:
        return parts[0]
    comma = "," if len(parts) > 2 else ""
    return f"{', '.join(parts[:-1])}{comma} {word} {parts[-1]}"
