"""Deploy the demo as a Space: models of the Hub beside clustering of the same rows, everything computed beforehand.

    python scripts/deploy_space.py --space user/name --model user/model --dataset user/data
    python scripts/deploy_space.py --space user/name --model user/text user/images --comparison runs/compare

One commit brings the Space to its new state; again without a change it makes none. Models must be public: the Space gets no
token. The token of whoever deploys comes from `hf auth login` or HF_TOKEN.
"""

from hf_ssl.arguments import parse_arguments
from hf_ssl.command_line import run_script
from hf_ssl.demo.arguments import DemoArguments
from hf_ssl.hub.arguments import SpaceArguments


def main(arguments: list[str]) -> None:
    """Compute, commit, print the address."""
    where, what = parse_arguments([SpaceArguments, DemoArguments], arguments, str(__doc__))
    from huggingface_hub import HfApi

    from hf_ssl.hub.deploy import deploy
    from hf_ssl.hub.repository import tell

    tell(deploy(where, what, HfApi()))


if __name__ == "__main__":
    run_script(main)
