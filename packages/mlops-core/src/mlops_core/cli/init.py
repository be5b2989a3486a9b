"""``mlops init``: a first mlops.toml."""

from pathlib import Path
from typing import Annotated, Final

import typer

from mlops_core.cli.output import JsonOption, emit, say
from mlops_core.errors import ConfigurationError

TEMPLATE: Final = """\
# Which vendors this project uses. Relative paths are taken against this file's folder.
# Every key can be set by an environment variable too: MLOPS_USE=prod, MLOPS_BACKENDS__HOME__PATH=/data/mlops

use = "home"                      # the backend for everything; or one per port:
# use = { model_registry = "prod", artifact_store = "home", experiment_tracker = "home" }

[backends.home]                   # embedded: files on this machine, no server, no account
adapter = "local"
path = ".mlops"

# [backends.prod]                 # a second backend; its adapter is a package of its own: install its wheel
# adapter = "<name>"
# token = { env = "PROD_TOKEN" }  # where a secret is kept, never the secret itself

# [cache]                         # packages fetched from a registry, shared by all projects of this user
# max_bytes = "10GB"

# [trust]                         # types that a model file may hold beyond the reviewed list
# types = ["my_package.MyScaler"]

# [train.late-flight]             # mlops train late-flight
# definitions = "features.py"
# spine = "data/flights.parquet"
# at = "scheduled_departure"
# label = "late"
# features = ["distance_band", "delay"]
# valid_from = 2013-10-01
# test_from = 2013-11-01
# candidates = [ { estimator = "hist_gradient_boosting_classifier", parameters = { random_state = 0 } } ]

# [score.december]                # mlops score december
# model = "late-flight@champion"
# definitions = "features.py"
# input = "data/december.parquet"
# key = "flight_id"
# at = "scheduled_departure"
# checks = [ { reason = "has a tail number", accept = "tailnum IS NOT NULL" } ]
# max_reject_rate = 0.2
"""


def init(
    folder: Annotated[Path, typer.Argument(help="The project's folder.")] = Path(),
    as_json: JsonOption = False,
) -> None:
    """Write a commented mlops.toml; what is there is never overwritten."""
    path = (folder / "mlops.toml").absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(TEMPLATE)
    except FileExistsError as exc:
        hint = "edit it; mlops doctor checks it"
        raise ConfigurationError(
            "mlops.toml is there already, nothing was changed", where=str(path), hint=hint
        ) from exc
    except OSError as exc:
        why = exc.strerror or type(exc).__name__
        raise ConfigurationError("mlops.toml cannot be written", where=str(path), why=why) from exc
    emit({"created": str(path)}, str(path), as_json=as_json)
    say("next: mlops doctor")
