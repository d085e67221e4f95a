"""What looks like a secret, by its name or by its form. Pure.

Decided here: a false alarm blocks trading, so a string must look like a key in more than one way: a form that only keys
have (Poloniex's own, a model provider's), a value beside a name such as `api_secret`, or a long token that is random in
case, digits and order at once. Hashes (64 hexadecimal digits), ids, paths, symbols and stars are no secrets. Logs carry
words from outside: no pattern here takes more than a few passes over a line, however it is made.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

#: Variables that a program could trade with, or pay a model with.
_DANGEROUS = re.compile(
    r"(?:POLONIEX|POLOTUI|POLO|ANTHROPIC)_(?:\w*_)?(?:API_?KEY|KEY|SECRET|PASSPHRASE|PASSWORD|TOKEN)(?:_\w+)?"
    r"|(?:\w+_)?API_?SECRET(?:_KEY)?"
    r"|EXCHANGE_(?:API_?)?(?:KEY|SECRET)",
    re.IGNORECASE,
)
_VARIABLE = re.compile(r"(?:export\s+)?([A-Za-z_]\w{0,99})")

_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("a Poloniex key", re.compile(r"(?<![\w-])[0-9A-Z]{8}(?:-[0-9A-Z]{8}){3}(?![\w-])")),
    ("a Poloniex secret", re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{128}(?![0-9A-Za-z])")),
    ("a model provider's key", re.compile(r"(?<![\w-])sk-[A-Za-z0-9_-]{20,}")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
)
_NAMED = re.compile(
    r"(?i)(api[_-]?key|api[_-]?secret|secret[_-]?key|secret|passphrase|password)[\"']?\s*[=:]\s*"
    r"[\"']?([^\s\"',}&]{8,})"
)
_TOKEN = re.compile(r"(?<![A-Za-z0-9+_=./-])[A-Za-z0-9+_=-]{40,}(?![A-Za-z0-9+_=./-])")
_HEX = re.compile(r"[0-9a-fA-F]+")
#: What a person or an example writes where a secret would stand.
_PLACEHOLDER = re.compile(r"(?i)\*+|x+|<.*>|\$\{?\w.*|%\(?\w.*|(?:your|my|some|change|example|dummy|test|demo)[\w-]*")
_BEFORE = re.compile(r"[\w.-]*\Z")
_LEAST_NAMED = 16


def dangerous(variables: Mapping[str, str] | Iterable[tuple[str, str]]) -> list[str]:
    """The names, sorted, that must not be in an environment and have a value there."""
    pairs = variables.items() if isinstance(variables, Mapping) else variables
    return sorted({name for name, value in pairs if value.strip() and _DANGEROUS.fullmatch(name)})


def assignments(text: str) -> Iterator[tuple[str, str]]:
    """Names and values of a .env file; comments and quotes taken off."""
    for line in text.splitlines():
        name, sign, value = line.partition("=") if "=" in line else line.partition(":")
        match = _VARIABLE.fullmatch(name.strip())
        if sign and match is not None:
            yield match[1], value.strip().strip("\"'")


def suspicious(text: str) -> Iterator[tuple[int, str]]:
    """Line number (from 1) and kind of everything that looks like a secret, once a line."""
    for number, line in enumerate(text.splitlines(), 1):
        what = _kind_of(line)
        if what:
            yield number, what


def _kind_of(line: str) -> str:
    for what, form in _FORMS:
        if form.search(line):
            return what
    for match in _NAMED.finditer(line):
        if _is_value(match[2]):
            before = _BEFORE.search(line[max(0, match.start() - 40) : match.start()])
            return f"a value named {before[0] if before else ''}{match[1]}"
    if any(_is_random(match[0]) for match in _TOKEN.finditer(line)):
        return "a long random token"
    return ""


def _is_value(value: str) -> bool:
    """Whether what stands beside a secret's name is one: long, mixed, and not a word or a placeholder."""
    if len(value) < _LEAST_NAMED or _PLACEHOLDER.fullmatch(value):
        return False
    mixed = any(letter.isdigit() for letter in value) and any(letter.isalpha() for letter in value)
    return mixed and entropy(value) >= 3.0


def _is_random(token: str) -> bool:
    """Lower case, capitals and digits, nearly as many different ones as chance gives, and in no order.

    Names put together from words change their kind of letter seldom; random text does at more than every second.
    """
    if _HEX.fullmatch(token) or not (re.search("[a-z]", token) and re.search("[A-Z]", token)):
        return False
    if sum(letter.isdigit() for letter in token) < 3:
        return False
    kinds = [1 if letter.isdigit() else 2 if letter.islower() else 3 if letter.isupper() else 4 for letter in token]
    changes = sum(a != b for a, b in pairwise(kinds))
    return changes >= 0.45 * (len(token) - 1) and entropy(token) >= 4.2


def entropy(text: str) -> float:
    """Shannon's, in bits a character."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values()) if text else 0.0
