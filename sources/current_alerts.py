"""What is set for alerts, for those who run on over an edit of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from domain.alert_kinds import DEFAULT_TERMS, AlertTerms


class CurrentAlerts(Mapping[str, AlertTerms]):
    """The terms of each kind as they are now; may be read from any thread.

    A source that ran anew with each edit would end what its clients are signed in with.
    """

    def __init__(self) -> None:
        self._terms = DEFAULT_TERMS

    def take(self, terms: Mapping[str, AlertTerms]) -> None:
        """From now on these are in force."""
        self._terms = terms

    def __getitem__(self, kind: str) -> AlertTerms:
        return self._terms[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._terms)

    def __len__(self) -> int:
        return len(self._terms)
