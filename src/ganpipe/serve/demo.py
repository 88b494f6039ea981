"""The server of the demo page: Gradio on localhost, without outside requests."""

import os

from ganpipe.common.errors import UserError
from ganpipe.common.port import LOCALHOST, check_port_free
from ganpipe.common.progress import progress_bar
from ganpipe.serve.runs import select_run


def serve_demo(port: int) -> None:
    """Serve the page until Ctrl-C.

    Raises UserError if Gradio is not installed, no run is trained or the port is in use.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when Gradio is imported
    os.environ["HF_HUB_OFFLINE"] = "1"
    with progress_bar("demo"):  # importing Gradio and PyTorch takes seconds
        try:
            import gradio  # noqa: F401
        except ModuleNotFoundError as error:
            if error.name != "gradio":
                raise
            raise UserError(
                "the demo needs Gradio, which is not installed. Run `make demo`, which installs it."
            ) from None
        select_run(None)
        check_port_free(port, f"Choose another: make demo PORT={port + 1}")

        from ganpipe.serve.page import LAUNCH_OPTIONS, page

        blocks = page()
    print(f"http://{LOCALHOST}:{port}  (Ctrl-C ends it)", flush=True)
    blocks.launch(server_name=LOCALHOST, server_port=port, share=False, quiet=True, **LAUNCH_OPTIONS)
