from tests.tracking.conftest import Checkout


def test_the_card_names_dataset_licence_metric_protocol_and_how_to_load(checkout: Checkout) -> None:
    checkout.whole("e01-0", value=12.5)
    checkout.sync()
    version = checkout.client().get_model_version_by_alias("ganpipe-generator", "champion")
    assert version.description.startswith("# Experiment e01 (`e01-0`)")
    for expected in (
        "| dataset | mnist: MNIST. Licence: CC BY-SA 3.0. Citation: LeCun |",
        "| `fd_judge` of this run | 12.5, lower is better |",
        "| `fd_judge` of the experiment | 12.5, one training seed: no interval |",
        "| protocol | `p1`",
        'mlflow.pyfunc.load_model("models:/ganpipe-generator/1")',
        f"run_uuid={version.run_id}",
    ):
        assert expected in version.description


def test_the_card_states_the_interval_over_seeds(checkout: Checkout) -> None:
    checkout.whole("e01-0")
    report = next(iter((checkout.root / ".ganpipe" / "records").glob("*/report/ranking.json")))
    report.write_text(report.read_text().replace('"interval": null', '"interval": [10.0, 15.0]'))
    checkout.sync()
    version = checkout.client().get_model_version_by_alias("ganpipe-generator", "champion")
    assert "12.5 (95 % interval 10 to 15), mean of 1 training seeds" in version.description
