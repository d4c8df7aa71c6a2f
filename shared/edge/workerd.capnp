# The worker under workerd; settings come from its environment:
#   workerd serve workerd.capnp --socket-addr http=127.0.0.1:8787
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "acknowledgements", worker = .worker),
    # Where CCS may be; "local" only matters to tests.
    (name = "outside", network = (allow = ["public", "private", "local"], tlsOptions = (trustBrowserCas = true))),
  ],
  sockets = [(name = "http", address = "127.0.0.1:8787", http = (), service = "acknowledgements")],
);

const worker :Workerd.Worker = (
  modules = [
    (name = "worker.mjs", esModule = embed "worker.mjs"),
    (name = "host.mjs", esModule = embed "host.mjs"),
    (name = "wasi.mjs", esModule = embed "wasi.mjs"),
    (name = "customer_sync_ack.wasm", wasm = embed "customer_sync_ack.wasm"),
    (name = "flow.json", json = embed "flow.json"),
  ],
  compatibilityDate = "2024-09-01",
  globalOutbound = "outside",
  bindings = [
    (name = "SLUICE_USER", fromEnvironment = "SLUICE_USER"),
    (name = "SLUICE_PASSWORD", fromEnvironment = "SLUICE_PASSWORD"),
    (name = "CCS_URL", fromEnvironment = "CCS_URL"),
    (name = "CCS_USER", fromEnvironment = "CCS_USER"),
    (name = "CCS_PASSWORD", fromEnvironment = "CCS_PASSWORD"),
    (name = "CONFIG_PROPS", fromEnvironment = "CONFIG_PROPS"),
  ],
);
