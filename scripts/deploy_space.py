"""Deploy the demo as a Space: models of the Hub beside clustering of the same rows, everything computed beforehand.

    python scripts/deploy_space.py --space user/name --model user/model --dataset user/data
    python scripts/deploy_space.py --space user/name --model user/text user/images --comparison runs/compare

One commit brings the Space to its new state; deploying again without a change makes none. Models must be public: the Space gets
no token. Your own token comes from `hf auth login` or HF_TOKEN.
"""

from __future__ import annotations

from hf_ssl.common.flags import parse_arguments
from hf_ssl.common.progress import say
from hf_ssl.common.script import run_script
from hf_ssl.demo.arguments import DemoArguments, SpaceArguments


def main(arguments: list[str]) -> None:
    """Compute, commit, print the address."""
    where, what = parse_arguments([SpaceArguments, DemoArguments], arguments, str(__doc__))
    say("loading libraries")
    from huggingface_hub import HfApi  # these take seconds: after --help

    from hf_ssl.demo.deploy import deploy
    from hf_ssl.hub.repository import tell

    tell(deploy(where, what, HfApi()))


if __name__ == "__main__":
    run_script(main)
