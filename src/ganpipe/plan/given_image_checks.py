"""Images made elsewhere as the planner sees them: where they are, what they contain, and their digest."""

from collections.abc import Iterator

from ganpipe.common.errors import UserError
from ganpipe.config import Params
from ganpipe.data.given_images import count_and_size, given_digest, path_of_seed
from ganpipe.plan.problems import ConfigProblem
from ganpipe.plan.resolve import ResolvedExperiment


def check_given_images(params: Params, experiment: ResolvedExperiment) -> Iterator[ConfigProblem]:
    """Check that the images of an experiment exist and can be enough, and the size of the first."""
    if experiment.settings.method != "images":
        return
    location = experiment.location("path")
    if experiment.settings.path is None:
        problem = "not set. Set it to a folder, a .zip or .tar archive, or a .npy or .npz file of images."
        yield ConfigProblem(location, None, problem)
        return
    dataset_name, needed = experiment.settings.dataset, params.sample.count
    dataset = params.datasets.get(dataset_name)
    for path in dict.fromkeys(path_of_seed(experiment.settings.path, seed) for seed in params.grid.seeds):
        try:
            given_digest(path)
        except UserError as error:
            yield ConfigProblem(location, experiment.settings.path, str(error).removeprefix("path: "))
            continue
        count, size = count_and_size(path)
        if count is not None and count < needed:
            problem = (
                f"{path} contains {count} images, but sample.count = {needed}: all experiments are evaluated on "
                "equally many. Add images, or lower sample.count."
            )
            yield ConfigProblem(location, experiment.settings.path, problem)
        if size is not None and dataset is not None and dataset.size is not None and size != (dataset.size,) * 2:
            problem = (
                f"the first image of {path} has {size[0]}x{size[1]} pixels, but {dataset_name} has "
                f"{dataset.size}x{dataset.size}. Resize them, or set datasets.{dataset_name}.size."
            )
            yield ConfigProblem(location, experiment.settings.path, problem)
