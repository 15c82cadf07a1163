"""What a rule can never be, found without data: always empty, always true, by contradictions on one column.

A rule is brought into alternatives (disjunctive normal form); an alternative is impossible if what it asks of one
column cannot hold together. A rule is always true if its denial is impossible. Missing values are left out of account:
where a column is empty, no comparison holds.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import product

from foretell.delivery.rules.condition import (
    FLIPPED,
    OPPOSITE,
    All,
    Atom,
    Between,
    Call,
    Compare,
    Condition,
    Constant,
    Like,
    Member,
    Missing,
    Not,
    Operator,
    Some,
    Truth,
    Value,
)

MOST_ALTERNATIVES = 2_000
"""A rule with more alternatives is not looked into."""

Literal = tuple[Atom, bool]


@dataclass(frozen=True)
class Domain:
    """The values that a column can have at all.

    Parameters
    ----------
    low, high : float
        Bounds, both possible.
    whole : bool
        Whether only whole numbers occur.
    """

    low: float = -math.inf
    high: float = math.inf
    whole: bool = False


def always_empty(condition: Condition, domains: Mapping[Value, Domain]) -> bool:
    """Tell whether a rule can hold of nobody, whatever the data.

    Parameters
    ----------
    condition : Condition
        A rule or a part of one.
    domains : mapping of Value to Domain
        What is known of columns.

    Returns
    -------
    bool
        True if every alternative contradicts itself; False if it is not known.
    """
    found = _alternatives(condition, denied=False)
    return found is not None and all(_impossible(alternative, domains) for alternative in found)


def always_true(condition: Condition, domains: Mapping[Value, Domain]) -> bool:
    """Tell whether a rule holds of everybody whose values are there, whatever the data.

    Parameters
    ----------
    condition : Condition
        A rule or a part of one.
    domains : mapping of Value to Domain
        What is known of columns.

    Returns
    -------
    bool
        True if its denial is impossible; False if it is not known.
    """
    found = _alternatives(condition, denied=True)
    return found is not None and all(_impossible(alternative, domains) for alternative in found)


def _alternatives(condition: Condition, *, denied: bool) -> list[tuple[Literal, ...]] | None:
    """Return a rule, or its denial, as alternatives; None where there are too many."""
    if isinstance(condition, Not):
        return _alternatives(condition.inner, denied=not denied)
    if not isinstance(condition, All | Some):
        return _alternatives_of_atom(condition, denied=denied)
    parts = [_alternatives(part, denied=denied) for part in condition.parts]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    if isinstance(condition, Some) != denied:
        joined = [alternative for part in known for alternative in part]
        return joined if len(joined) <= MOST_ALTERNATIVES else None
    if math.prod(len(part) for part in known) > MOST_ALTERNATIVES:
        return None
    return [tuple(literal for part in chosen for literal in part) for chosen in product(*known)]


def _alternatives_of_atom(atom: Atom, *, denied: bool) -> list[tuple[Literal, ...]]:
    if isinstance(atom, Between):
        low, high = Compare(atom.value, ">=", atom.low), Compare(atom.value, "<=", atom.high)
        return [((low, False),), ((high, False),)] if denied else [((low, True), (high, True))]
    return [((atom, not denied),)]


@dataclass
class _Asked:
    """What one alternative asks of one value."""

    low: float = -math.inf
    low_open: bool = False
    high: float = math.inf
    high_open: bool = False
    among: set[object] | None = None
    not_among: set[object] = field(default_factory=set)
    missing: bool | None = None
    contradiction: bool = False

    def within(self, operator: Operator, number: float) -> None:
        if operator in (">", ">=") and (number, operator == ">") > (self.low, self.low_open):
            self.low, self.low_open = number, operator == ">"
        if operator in ("<", "<=") and (-number, operator == "<") > (-self.high, self.high_open):
            self.high, self.high_open = number, operator == "<"

    def one_of(self, options: set[object]) -> None:
        self.among = options if self.among is None else self.among & options

    def empty_or_not(self, *, missing: bool) -> None:
        self.contradiction |= self.missing is not None and self.missing != missing
        self.missing = missing

    def impossible(self, domain: Domain) -> bool:
        if self.contradiction:
            return True
        self.within(">=", domain.low)
        self.within("<=", domain.high)
        if self.among is not None:
            return not any(self._possible(option) for option in self.among)
        low, high = self.low, self.high
        if domain.whole and math.isfinite(low):
            low = math.floor(low) + 1.0 if self.low_open else float(math.ceil(low))
        if domain.whole and math.isfinite(high):
            high = math.ceil(high) - 1.0 if self.high_open else float(math.floor(high))
        if low == high:
            return low in self.not_among or (not domain.whole and (self.low_open or self.high_open))
        return low > high

    def _possible(self, option: object) -> bool:
        if option in self.not_among:
            return False
        if not isinstance(option, float):
            return True
        above = option > self.low or (option == self.low and not self.low_open)
        below = option < self.high or (option == self.high and not self.high_open)
        return above and below


def _impossible(alternative: Sequence[Literal], domains: Mapping[Value, Domain]) -> bool:
    asked: dict[Value, _Asked] = defaultdict(_Asked)
    held: dict[object, set[Operator]] = {}
    for atom, wanted in alternative:
        if isinstance(atom, Truth) and isinstance(atom.value, Constant):
            if bool(atom.value.value) != wanted:
                return True
        elif isinstance(atom, Compare) and not (_plain(atom.left) or _plain(atom.right)):
            if _contradicts(atom, held, wanted=wanted):
                return True
        else:
            _ask(atom, asked, wanted=wanted)
    return any(found.impossible(domains.get(value, Domain())) for value, found in asked.items())


def _ask(atom: Atom, asked: dict[Value, _Asked], *, wanted: bool) -> None:
    if isinstance(atom, Missing):
        asked[atom.value].empty_or_not(missing=wanted)
        return
    subject: Value
    operator: Operator
    constants: tuple[Value, ...]
    if isinstance(atom, Truth):
        subject, operator, constants = atom.value, "=", (Constant(wanted),)
    elif isinstance(atom, Compare):
        turned = _plain(atom.left)
        subject, constants = (atom.right, (atom.left,)) if turned else (atom.left, (atom.right,))
        operator = FLIPPED[atom.operator] if turned else atom.operator
        operator = operator if wanted else OPPOSITE[operator]
    elif isinstance(atom, Member) and all(_plain(option) for option in atom.options):
        subject, operator, constants = atom.value, "=" if wanted else "<>", atom.options
    elif isinstance(atom, Like):
        # Two patterns may agree: only the same one denied contradicts.
        asked[atom.value].empty_or_not(missing=False)
        asked[Call("LIKE", (atom.value, Constant(atom.pattern), Constant(atom.any_case)))].one_of({wanted})
        return
    else:
        return
    found = asked[subject]
    found.empty_or_not(missing=False)
    keys: set[object] = {_key(constant) for constant in constants if isinstance(constant, Constant)}
    if operator == "=":
        found.one_of(keys)
    elif operator == "<>":
        found.not_among |= keys
    else:
        (key,) = keys
        if isinstance(key, float):
            found.within(operator, key)


def _contradicts(atom: Compare, held: dict[object, set[Operator]], *, wanted: bool) -> bool:
    """Write down how two columns must compare; tell whether that leaves nothing."""
    operator = atom.operator if wanted else OPPOSITE[atom.operator]
    left, right = atom.left, atom.right
    if repr(left) > repr(right):
        left, right, operator = right, left, FLIPPED[operator]
    possible: dict[Operator, set[Operator]] = {
        "=": {"="}, "<>": {"<", ">"}, "<": {"<"}, "<=": {"<", "="}, ">": {">"}, ">=": {">", "="},
    }  # fmt: skip
    start: set[Operator] = {"="} if left == right else {"<", "=", ">"}
    left_over = held.get((left, right), start) & possible[operator]
    held[left, right] = left_over
    return not left_over


def _plain(value: Value) -> bool:
    return isinstance(value, Constant)


def _key(constant: Constant) -> object:
    """Return a constant as something that compares: dates and numbers as floats."""
    value = constant.value
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, date):
        instant = value if isinstance(value, datetime) else datetime.combine(value, time.min)
        return (instant - datetime(1970, 1, 1)).total_seconds()
    return float(value)
