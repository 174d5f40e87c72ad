"""The page of all nodes."""

from engine.cli.node_page import render_node_page
from engine.graph.catalog import Catalog
from engine.graph.schema import InputSchema, NodeSchema, OutputSchema

BLEND = NodeSchema(
    name="Blend",
    title="Blend Two",
    category="image/mixing",
    description="Mixes a | b.",
    is_output=False,
    inputs=(
        InputSchema(name="image", type="IMAGE"),
        InputSchema(name="share", type="FLOAT", default=0.5, min=0.0, max=10_000.0, tooltip="How much."),
        InputSchema(name="mode", type="COMBO", choices=tuple(f"m{number}" for number in range(14))),
        InputSchema(name="lora", type="COMBO", files="loras", required=False),
        InputSchema(name="loud", type="BOOLEAN", default=True),
    ),
    outputs=(OutputSchema("IMAGE", "IMAGE", is_list=True),),
)


def test_a_node_has_its_inputs_with_defaults_ranges_and_choices() -> None:
    lines = render_node_page(Catalog.of([BLEND])).splitlines()
    assert "- [image/mixing](#imagemixing): 1" in lines
    assert "### Blend (Blend Two)" in lines
    assert "| `image` | IMAGE |  |  |  |" in lines
    assert "| `share` | FLOAT | `0.5` | 0.0 to 10 000.0 | How much. |" in lines
    (mode,) = (line for line in lines if line.startswith("| `mode`"))
    assert mode.endswith("`m11` and 2 more |  |")
    assert "| `lora` | COMBO, *optional* |  | a file of `loras` |  |" in lines
    assert "| `loud` | BOOLEAN | `true` |  |  |" in lines
    assert "Gives `IMAGE: IMAGE list`." in lines


def test_categories_are_in_order_and_all_nodes_are_counted() -> None:
    catalog = Catalog.of(
        [
            NodeSchema(name, name, category, "Does.", False, (), ())
            for name, category in (("B", "z"), ("A", "a"))
        ]
    )
    page = render_node_page(catalog)
    assert "2 nodes:" in page
    assert page.index("## a\n") < page.index("## z\n")
