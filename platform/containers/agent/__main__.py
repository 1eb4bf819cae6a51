"""Where a sandbox begins; what is imported has its byte code beside it, and this has not."""

import agent

agent.main()
