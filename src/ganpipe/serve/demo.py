"""The demo's server: Gradio on this machine only, which sends nothing anywhere."""

import os

from ganpipe.common.errors import UserError
from ganpipe.common.port import HERE, check_free
from ganpipe.common.progress import working
from ganpipe.serve.runs import chosen_run


def serve_demo(port: int) -> None:
    """Serve the page until Ctrl-C.

    Raises UserError when Gradio is not installed, nothing is trained yet, or the port is taken.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when Gradio is imported
    os.environ["HF_HUB_OFFLINE"] = "1"
    with working("demo"):  # Gradio and PyTorch take seconds to load
        try:
            import gradio  # noqa: F401
        except ModuleNotFoundError as error:
            if error.name != "gradio":
                raise
            cure = "run `make demo`, which installs it"
            raise UserError(f"the page needs Gradio, which is not installed: {cure}") from None
        chosen_run(None)
        check_free(port, f"choose another, make demo PORT={port + 1}")

        from ganpipe.serve.page import OPTIONS, page

        blocks = page()
    print(f"http://{HERE}:{port}  (Ctrl-C ends it)", flush=True)
    blocks.launch(server_name=HERE, server_port=port, share=False, quiet=True, **OPTIONS)
