"""Write the digests of your own images and weights, which DVC cannot see, so that `plan` notices every change."""

import yaml

from ganpipe.common.atomic import write_text
from ganpipe.common.process import run_script
from ganpipe.plan.external_files import external_digests
from ganpipe.plan.layout import MANIFEST, PARAMS, PINS
from ganpipe.plan.resolve import read_params


def run() -> None:
    write_text(MANIFEST, yaml.safe_dump(external_digests(read_params(PARAMS), PINS), allow_unicode=True))


if __name__ == "__main__":
    run_script(run)
