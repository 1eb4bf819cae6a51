-- For wrk: send the file that the first argument names, by the method that is the second, and end
-- with one line of JSON.

function init(arguments)
   wrk.method = arguments[2]
   local file = assert(io.open(arguments[1], "rb"))
   wrk.body = file:read("*a")
   file:close()
   prepared = wrk.format()
end

function request()
   return prepared
end

function done(summary, latency, requests)
   local errors = summary.errors
   io.write(string.format(
      '{"requests": %d, "per_second": %.3f, "p50": %.1f, "p99": %.1f, "errors": %d}\n',
      summary.requests,
      summary.requests / summary.duration * 1e6,
      latency:percentile(50),
      latency:percentile(99),
      errors.connect + errors.read + errors.write + errors.status + errors.timeout
   ))
end
