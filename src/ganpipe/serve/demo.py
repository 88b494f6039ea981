"""The server of the demo page: Gradio, by default on localhost only, without outside requests."""

import os

from ganpipe.common.errors import UserError
from ganpipe.common.port import bypass_proxies, check_port_free, print_server_address
from ganpipe.common.progress import progress_bar
from ganpipe.serve.runs import select_run


def serve_demo(host: str, port: int) -> None:
    """Serve the page until Ctrl-C.

    Raises UserError if Gradio is not installed, no run is trained, the port is in use or the host is not ours.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when Gradio is imported
    os.environ["HF_HUB_OFFLINE"] = "1"
    bypass_proxies(host)  # Gradio requests its own page once before it serves others
    with progress_bar("demo"):  # importing Gradio and PyTorch takes seconds
        try:
            import gradio  # noqa: F401
        except ModuleNotFoundError as error:
            if error.name != "gradio":
                raise
            raise UserError("Gradio: not installed. Run `make demo`, which installs it.") from None
        select_run(None)
        check_port_free(port, f"Choose another: make demo PORT={port + 1}", host)

        from ganpipe.serve.page import LAUNCH_OPTIONS, page

        blocks = page()
    print_server_address(host, port)
    blocks.launch(
        server_name=f"[{host}]" if ":" in host else host, server_port=port, share=False, quiet=True, **LAUNCH_OPTIONS
    )
