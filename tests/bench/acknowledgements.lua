-- SPDX-License-Identifier: MIT
-- Requests for wrk: acknowledgements of a thousand sync requests in turn, made once.
-- Arguments after "--": the path, the value of the header Authorization.
local requests, count = {}, 0

function init(args)
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/json"
    wrk.headers["Authorization"] = args[2]
    for i = 1, 1000 do
        local body = string.format('{"externalReferenceId":"%014d","hasError":false,'
            .. '"entityIdList":[{"entity":"CONTACT","externalPk1":"98765432101234"}]}', i)
        requests[i] = wrk.format("POST", args[1], nil, body)
    end
end

function request()
    count = count % 1000 + 1
    return requests[count]
end

function done(summary, latency, _)
    local errors = summary.errors
    io.write(string.format("RESULT %d %d %d %.1f %.1f %.1f\n", summary.requests, summary.duration,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout,
        latency:percentile(50), latency:percentile(99), latency.max))
end
