"""Sample the generator of a run: an array of images for the metrics, and a grid to look at."""

from ganpipe.common.progress import progress_bar
from ganpipe.plan.files import RunSampling
from ganpipe.plan.layout import JUDGE, MODELS, PREPARED, SAMPLES, checkpoint_folder, run_inputs, run_plan
from ganpipe.stage import Stage, run_stage
from ganpipe.training import workdir


def run(stage: Stage) -> None:
    # Imports PyTorch, which takes as long as the sampling: MLflow's process starts in parallel when imported here.
    from ganpipe.data.dataset import load
    from ganpipe.sampling.samples import draw_samples, write_samples
    from ganpipe.sampling.snapshots import kept_generators

    name, plan = stage.name, run_plan(stage.name)
    settings, dataset = RunSampling.model_validate(plan["sample"]), plan["train"]["dataset"]
    selection = None
    if settings.selection is not None and (kept := kept_generators(MODELS / name)):
        from ganpipe.metrics.extractors.judge import load_judge
        from ganpipe.metrics.selection import select_generator

        with progress_bar(f"select@{name}"):
            selection = select_generator(
                kept, load(PREPARED / dataset), load_judge(JUDGE / dataset), settings.selection
            )
        print(f"{name}: generator {selection}")
    if plan["train"].get("path") is None:
        write_samples(
            MODELS / name, SAMPLES / name, settings.count, settings.seed, settings.threads, f"sample@{name}", selection
        )
    else:
        draw_samples(MODELS / name, SAMPLES / name, settings.count, settings.seed)
    stage.finish(threads=settings.threads)
    # DVC has stored the model: the checkpoint is no longer needed.
    workdir.remove(checkpoint_folder(run_inputs(name)["key"]))


if __name__ == "__main__":
    run_stage("sample", run)
