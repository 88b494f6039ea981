"""`torchrun` for one training: as many processes on this machine as it asks for, none of which outlives the stage."""

import json
import logging
import os
import sys

from ganpipe.common.process import die_with_parent


def main() -> None:
    """Start the processes, wait for them, and end all when one fails; arguments: how many, and their task as JSON."""
    die_with_parent()
    processes, task = sys.argv[1:]
    if sys.platform == "linux":  # all of them are here: no need to listen to other machines, or to know one's own name
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    # A failed process speaks for itself, and the stage tells the rest: no need for torchrun's tables.
    logging.getLogger("torch.distributed").setLevel(logging.CRITICAL)
    ranks = ["--module", "ganpipe.executors.rank", str(os.getpid()), task]
    try:
        run.main(["--standalone", "--nproc-per-node", processes, *ranks])
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        how = f"by {failure.signal_name()}" if failure.exitcode < 0 else f"with exit code {failure.exitcode}"
        # On a line of its own, whatever a process was about to say when it was ended.
        print("\n" + json.dumps({"lost": f"process {rank} of {processes} ended {how}"}), flush=True)
        sys.exit(1)
    except SignalException:  # this was asked to end, and has ended the others
        sys.exit(1)


if __name__ == "__main__":
    main()
