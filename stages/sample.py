"""Sample the generator of a run: an array of images for the metrics, and a grid to look at."""

from ganpipe.config import SampleSettings
from ganpipe.plan.layout import MODELS, SAMPLES, checkpoint_folder, run_inputs, run_plan
from ganpipe.stage import Stage, run_stage
from ganpipe.training import workdir


def run(stage: Stage) -> None:
    # Imports PyTorch, which takes as long as the sampling: MLflow's process starts in parallel when imported here.
    from ganpipe.sampling.samples import draw_samples, write_samples

    name, plan = stage.name, run_plan(stage.name)
    settings = SampleSettings.model_validate(plan["sample"])
    if plan["train"].get("path") is None:
        write_samples(
            MODELS / name, SAMPLES / name, settings.count, settings.seed, settings.threads, title=f"sample@{name}"
        )
    else:
        draw_samples(MODELS / name, SAMPLES / name, settings.count, settings.seed)
    stage.finish(threads=settings.threads)
    # DVC has stored the model: the checkpoint is no longer needed.
    workdir.remove(checkpoint_folder(run_inputs(name)["key"]))


if __name__ == "__main__":
    run_stage("sample", run)
