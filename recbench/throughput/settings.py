"""What may be set of the suite, in one environment variable: pytest takes no options of a package named by --pyargs."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass

from pydantic import TypeAdapter, ValidationError

from recbench.errors import SuiteError

VARIABLE = "RECBENCH_TIME"


@dataclass(frozen=True)
class Settings:
    """Read from `RECBENCH_TIME='{"device": "cuda", "only": ["bpr-mf"]}'`.

    Args:
        only: names or globs of the components that are timed; all of them where there are none.
        device: `cpu` or a CUDA device.
        threads: of numeric libraries.
        users: how many users, and how many items, the data has.
        seconds: how long one component's task may take in all.
    """

    only: tuple[str, ...] = ()
    device: str = "cpu"
    threads: int = 1
    users: int = 1000
    seconds: float = 300.0

    @classmethod
    def from_environment(cls) -> Settings:
        """The settings, defaults where nothing is said.

        Raises:
            SuiteError: what the variable holds is not such a JSON object.
        """
        try:
            return TypeAdapter(cls).validate_json(os.environ.get(VARIABLE, "{}"))
        except ValidationError as error:
            raise SuiteError(f"{VARIABLE}: {error.errors(include_url=False)[0]['msg']}; see {__name__}") from None

    def environment(self) -> dict[str, str]:
        """The variable that says this."""
        return {VARIABLE: json.dumps(asdict(self))}
