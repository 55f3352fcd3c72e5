"""The page's colours are those of the plots; a style sheet cannot import them."""

from __future__ import annotations

import re

from conftest import ROOT

from hf_ssl.runs.plots import PALETTE


def test_the_page_has_the_colours_of_the_plots():
    style = (ROOT / "spaces" / "ssl_vs_clustering" / "page" / "colours.css").read_text()
    colours = re.findall(r"^\.colour-(\d)\b.*--colour: (#\w{6});", style, re.M)
    assert dict(colours) == {str(number): colour for number, colour in enumerate(PALETTE)}
