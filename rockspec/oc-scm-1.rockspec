rockspec_format = "3.0"
package = "oc"
version = "scm-1"

source = {
  url = "git+https://example.com/oc.git",
  branch = "main",
}

description = {
  summary = "Reads the Operator Connect leads of a service provider from AudioCodes Live Platform",
  detailed = [[
Pages through the leads of the service with a libcurl transport and a streaming
JSON decoder in C: retries, resumes, and says what is missing. As a library, and
as the command oc-leads.]],
  license = "MIT",
}

dependencies = {
  "lua >= 5.1, < 5.5",
  "lua-cjson",
  "lpeg",
  "argparse",
  -- The sandbox only:
  "luasocket",
  "lua-zlib",
}

external_dependencies = {
  -- No header: it lies in different folders on multiarch systems.
  CURL = {library = "curl"},
}

build = {
  type = "builtin",
  modules = {
    ["oc.core"] = {
      sources = {
        "src/oc.c",
        "src/oc_address.c",
        "src/oc_buf.c",
        "src/oc_build.c",
        "src/oc_clock.c",
        "src/oc_decode.c",
        "src/oc_encode.c",
        "src/oc_error.c",
        "src/oc_file.c",
        "src/oc_filter.c",
        "src/oc_head.c",
        "src/oc_http.c",
        "src/oc_http_options.c",
        "src/oc_interrupt.c",
        "src/oc_json.c",
        "src/oc_keys.c",
        "src/oc_match.c",
        "src/oc_number.c",
        "src/oc_page.c",
        "src/oc_pager.c",
        "src/oc_pager_options.c",
        "src/oc_retry.c",
        "src/oc_road.c",
        "src/oc_scan.c",
        "src/oc_seen.c",
        "src/oc_select.c",
        "src/oc_text.c",
        "src/oc_time.c",
        "src/oc_tls_words.c",
        "src/oc_transport.c",
        "src/oc_transport_fault.c",
        "src/oc_transport_head.c",
        "src/oc_transport_init.c",
        "src/oc_transport_opts.c",
        "src/oc_url.c",
        "src/oc_verdict.c",
        "src/oc_want.c",
        "src/oc_where.c",
        "src/oc_where_json.c",
      },
      defines = {"_POSIX_C_SOURCE=200809L"},
      libraries = {"curl", "m", "pthread"},
      incdirs = {"$(CURL_INCDIR)"},
      libdirs = {"$(CURL_LIBDIR)"},
    },
    ["oc"] = "lua/oc/init.lua",
    ["oc.auth"] = "lua/oc/auth.lua",
    ["oc.cli"] = "lua/oc/cli/init.lua",
    ["oc.cli.columns"] = "lua/oc/cli/columns.lua",
    ["oc.cli.csv"] = "lua/oc/cli/csv.lua",
    ["oc.cli.doctor"] = "lua/oc/cli/doctor.lua",
    ["oc.cli.flags"] = "lua/oc/cli/flags.lua",
    ["oc.cli.list"] = "lua/oc/cli/list.lua",
    ["oc.cli.messages"] = "lua/oc/cli/messages.lua",
    ["oc.cli.output"] = "lua/oc/cli/output.lua",
    ["oc.cli.progress"] = "lua/oc/cli/progress.lua",
    ["oc.cli.sandbox"] = "lua/oc/cli/sandbox.lua",
    ["oc.cli.secrets"] = "lua/oc/cli/secrets.lua",
    ["oc.cli.settings"] = "lua/oc/cli/settings.lua",
    ["oc.cli.sink"] = "lua/oc/cli/sink.lua",
    ["oc.cli.table"] = "lua/oc/cli/table.lua",
    ["oc.cli.token"] = "lua/oc/cli/token.lua",
    ["oc.cli.version"] = "lua/oc/cli/version.lua",
    ["oc.cli.width"] = "lua/oc/cli/width.lua",
    ["oc.client"] = "lua/oc/client.lua",
    ["oc.doctor"] = "lua/oc/doctor/init.lua",
    ["oc.doctor.address"] = "lua/oc/doctor/address.lua",
    ["oc.doctor.ask"] = "lua/oc/doctor/ask.lua",
    ["oc.doctor.extras"] = "lua/oc/doctor/extras.lua",
    ["oc.doctor.jwt"] = "lua/oc/doctor/jwt.lua",
    ["oc.doctor.page_base"] = "lua/oc/doctor/page_base.lua",
    ["oc.doctor.page_size"] = "lua/oc/doctor/page_size.lua",
    ["oc.doctor.place"] = "lua/oc/doctor/place.lua",
    ["oc.doctor.profile"] = "lua/oc/doctor/profile.lua",
    ["oc.doctor.recorder"] = "lua/oc/doctor/recorder.lua",
    ["oc.doctor.token"] = "lua/oc/doctor/token.lua",
    ["oc.doctor.transcript"] = "lua/oc/doctor/transcript.lua",
    ["oc.conceal"] = "lua/oc/conceal.lua",
    ["oc.errors"] = "lua/oc/errors.lua",
    ["oc.filter"] = "lua/oc/filter/init.lua",
    ["oc.filter.grammar"] = "lua/oc/filter/grammar.lua",
    ["oc.host.crew"] = "lua/oc/host/crew.lua",
    ["oc.host.script"] = "lua/oc/host/script.lua",
    ["oc.leads"] = "lua/oc/leads.lua",
    ["oc.log"] = "lua/oc/log.lua",
    ["oc.resume"] = "lua/oc/resume.lua",
    ["oc.options"] = "lua/oc/options.lua",
    ["oc.sandbox"] = "lua/oc/sandbox/init.lua",
    ["oc.sandbox.data"] = "lua/oc/sandbox/data.lua",
    ["oc.sandbox.faults"] = "lua/oc/sandbox/faults.lua",
    ["oc.sandbox.gateway"] = "lua/oc/sandbox/gateway.lua",
    ["oc.sandbox.gzip"] = "lua/oc/sandbox/gzip.lua",
    ["oc.sandbox.http"] = "lua/oc/sandbox/http.lua",
    ["oc.sandbox.journal"] = "lua/oc/sandbox/journal.lua",
    ["oc.sandbox.json"] = "lua/oc/sandbox/json.lua",
    ["oc.sandbox.options"] = "lua/oc/sandbox/options.lua",
    ["oc.sandbox.pages"] = "lua/oc/sandbox/pages.lua",
    ["oc.sandbox.pools"] = "lua/oc/sandbox/pools.lua",
    ["oc.sandbox.query"] = "lua/oc/sandbox/query.lua",
    ["oc.sandbox.random"] = "lua/oc/sandbox/random.lua",
    ["oc.sandbox.reply"] = "lua/oc/sandbox/reply.lua",
    ["oc.sandbox.routes"] = "lua/oc/sandbox/routes.lua",
    ["oc.sandbox.samples"] = "lua/oc/sandbox/samples.lua",
    ["oc.sandbox.store"] = "lua/oc/sandbox/store.lua",
    ["oc.sandbox.token"] = "lua/oc/sandbox/token.lua",
    ["oc.version"] = "lua/oc/version.lua",
  },
  install = {
    bin = {["oc-leads"] = "script/oc-leads"},
  },
}

test = {
  type = "command",
  command = "script/test",
}
