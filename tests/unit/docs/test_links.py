"""Every link between documents leads somewhere, and every document can be reached."""

from __future__ import annotations

import pytest

from support.markdown import CHECKOUT, anchors, documents, links, read


@pytest.mark.parametrize("document", documents())
def test_every_link_leads_to_a_file_and_a_heading(document: str) -> None:
    for link in links(read(document)):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = (CHECKOUT / document).parent / path if path else CHECKOUT / document
        assert target.exists(), f"{document} links to {link}"
        assert not anchor or anchor in anchors(target.read_text()), f"{document} links to {link}"


def test_every_document_can_be_reached_from_the_readme() -> None:
    reached, new = set(), {"README.md"}
    while new:
        reached |= new
        found = {
            (CHECKOUT / d).parent / link.partition("#")[0]
            for d in new
            for link in links(read(d))
            if ":" not in link
        }
        new = {str(path.resolve().relative_to(CHECKOUT)) for path in found if path.suffix == ".md"} - reached
    assert set(documents()) - reached == set()
