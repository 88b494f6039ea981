"""Run `torchrun` for one training on this machine; all its processes exit before the launcher does."""

import json
import logging
import os
import sys

from ganpipe.common.process import die_with_parent


def main() -> None:
    """Start the processes, wait for them, and stop all if one fails; arguments: their number, and the task as JSON."""
    die_with_parent()
    processes, task = sys.argv[1:]
    if sys.platform == "linux":  # all processes run here: listen to no other machine, and resolve no host name
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    # The failed process and the stage report the failure: torchrun's tables would repeat it.
    logging.getLogger("torch.distributed").setLevel(logging.CRITICAL)
    ranks = ["--module", "ganpipe.executors.rank", str(os.getpid()), task]
    try:
        run.main(["--standalone", "--nproc-per-node", processes, *ranks])
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        reason = f"by {failure.signal_name()}" if failure.exitcode < 0 else f"with exit code {failure.exitcode}"
        # On a new line, since a killed process may have left an incomplete one.
        print("\n" + json.dumps({"lost": f"process {rank} of {processes} ended {reason}"}), flush=True)
        sys.exit(1)
    except SignalException:  # the launcher was asked to stop, and has stopped the others
        sys.exit(1)


if __name__ == "__main__":
    main()
