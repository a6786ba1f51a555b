#include "host/library.hpp"

#define BOOST_DLL_USE_STD_FS
#include <boost/dll/shared_library.hpp>

#include <algorithm>
#include <limits>
#include <set>
#include <string_view>

#include "base/text.hpp"
#include "host/refusal.hpp"
#include "job/sandbox.hpp"
#include "wire/bounds.hpp"

namespace sluice::host {

namespace {

constexpr const char* symbol = "sluice_plugin_v1";
constexpr std::size_t longest_json = wire::longest_output;

/// A text for people, cut if it is too long.
std::string text(sluice_str view) {
  return view.data == nullptr
             ? std::string()
             : base::valid_utf8(base::shortened({view.data, view.size}, wire::longest_words));
}

std::string json_text(sluice_str view, const std::string& what) {
  if (view.data == nullptr) return {};
  if (view.size > longest_json) {
    throw Refusal(what + " of " + wire::byte_words(view.size), "at most " + wire::byte_words(longest_json),
                  "shorten it");
  }
  return base::valid_utf8({view.data, view.size});
}

/// Extracts the dynamic linker's own message from Boost's, which also names an unrelated errno.
std::string linker_words(const std::string& message) {
  constexpr std::string_view before = "dlerror system message: ";
  const std::size_t begin = message.find(before);
  if (begin == std::string::npos) return message;
  const std::string words = message.substr(begin + before.size());
  return words.substr(0, std::min(words.rfind("): "), words.rfind(')')));
}

boost::dll::shared_library& open(const std::string& path) {
  // Never deleted, because a plugin is never closed: its threads and exit handlers may outlive any owner.
  static auto* const library = new boost::dll::shared_library;
  std::string reason;
  try {
    library->load(path, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
    return *library;
  } catch (const std::exception& failure) {
    reason = linker_words(failure.what());
  }
  throw Refusal(
      "that the dynamic linker can't load it (" + reason + ")",
      "a library whose symbols and needed libraries are all found",
      "link what is missing into it, or install it; sluice_add_plugin links with -z defs, which finds "
      "undefined symbols at build time");
}

int count(std::uint32_t value) {
  return static_cast<int>(std::min<std::uint32_t>(value, 1'000'000));
}

job::TypeSpec describe_type(const sluice_job_type* type, std::size_t index) {
  const std::string which = "job type number " + std::to_string(index + 1);
  if (type == nullptr || !SLUICE_HAS(type, sluice_job_type, handle)) {
    throw Refusal(which + " that is NULL or smaller than in ABI 1.0", "a complete sluice_job_type",
                  "rebuild the plugin");
  }
  job::TypeSpec spec;
  spec.name = text(type->name);
  if (!wire::is_type_name(spec.name)) {
    throw Refusal(which + " named '" + base::shortened(spec.name, 80) + "'",
                  "1 to 128 characters from a-z A-Z 0-9 . _ - : /", "rename it");
  }
  if (type->handle == nullptr) {
    throw Refusal("job type '" + spec.name + "' without a handler (handle is NULL)", "a function",
                  "set handle to the function that runs the jobs");
  }
  spec.summary = text(type->summary);
  spec.payload_schema = json_text(type->payload_schema, "job type '" + spec.name + "' with a schema");
  spec.payload_example = json_text(type->payload_example, "job type '" + spec.name + "' with an example");
  spec.max_attempts = count(type->max_attempts);
  spec.concurrency = count(type->concurrency);
  spec.timeout = job::Microseconds(std::max<std::int64_t>(0, type->timeout_us));
  spec.backoff_first = job::Microseconds(std::max<std::int64_t>(0, type->backoff_first_us));
  spec.backoff_cap = job::Microseconds(std::max<std::int64_t>(0, type->backoff_cap_us));
  spec.at_most_once = (type->flags & SLUICE_AT_MOST_ONCE) != 0;
  spec.brief = (type->flags & SLUICE_BRIEF) != 0;
  if (spec.at_most_once && spec.brief) {
    throw Refusal("job type '" + spec.name + "' that is both at most once and brief",
                  "only one of the two, because brief jobs may run twice", "clear one of its flags");
  }
  return spec;
}

void check_version(const sluice_plugin& plugin) {
  if (plugin.abi_major != SLUICE_ABI_MAJOR) {
    throw Refusal(
        "a descriptor of ABI " + std::to_string(plugin.abi_major) + "." + std::to_string(plugin.abi_minor),
        "ABI " + std::to_string(SLUICE_ABI_MAJOR) + ".x",
        "rebuild it against the headers of this version of sluice");
  }
  if (!SLUICE_HAS(&plugin, sluice_plugin, get_extension)) {
    throw Refusal("a descriptor of " + std::to_string(plugin.size) + " bytes",
                  "at least " + std::to_string(sizeof(sluice_plugin)) + " bytes, the size in ABI 1.0",
                  "set its size to sizeof(sluice_plugin)");
  }
}

std::string declared_sandbox(const sluice_plugin& plugin) {
  if (!SLUICE_HAS(&plugin, sluice_plugin, sandbox)) return {};
  std::string sandbox = json_text(plugin.sandbox, "a declared sandbox");
  try {
    job::parse_sandbox(sandbox);
    return sandbox;
  } catch (const job::BadSandbox& bad) {
    throw Refusal(std::string("a declared sandbox that can't be used (") + bad.what() + ")",
                  "the keys of [plugin.NAME.sandbox], as JSON",
                  "correct `sandbox` in the plugin's descriptor");
  }
}

job::PluginSpec describe(const sluice_plugin& plugin) {
  check_version(plugin);
  job::PluginSpec spec;
  spec.abi_major = plugin.abi_major;
  spec.abi_minor = plugin.abi_minor;
  spec.name = text(plugin.name);
  if (!wire::is_plugin_name(spec.name)) {
    throw Refusal("the plugin name '" + base::shortened(spec.name, 80) + "'",
                  "1 to 64 characters from a-z 0-9 - _", "rename it");
  }
  spec.version = text(plugin.version);
  spec.vendor = text(plugin.vendor);
  spec.url = text(plugin.url);
  spec.license = text(plugin.license);
  spec.summary = text(plugin.summary);
  spec.config_schema = json_text(plugin.config_schema, "a schema of the configuration");
  spec.sandbox = declared_sandbox(plugin);
  if (plugin.job_types == nullptr || plugin.job_type_count == 0) {
    throw Refusal("no job types", "at least one", "declare the types that the plugin serves");
  }
  if (plugin.job_type_count > wire::most_types) {
    throw Refusal(std::to_string(plugin.job_type_count) + " job types",
                  "at most " + std::to_string(wire::most_types),
                  "set job_type_count to the number of job types, or split the plugin into several");
  }
  std::set<std::string> names;
  for (std::size_t i = 0; i < plugin.job_type_count; ++i) {
    spec.types.push_back(describe_type(plugin.job_types[i], i));
    if (!names.insert(spec.types.back().name).second) {
      throw Refusal("job type '" + spec.types.back().name + "' twice", "each name once", "remove one");
    }
  }
  return spec;
}

}  // namespace

Library open_library(const std::string& path) {
  boost::dll::shared_library& library = open(path);
  if (!library.has(symbol)) {
    throw Refusal(std::string("no exported symbol ") + symbol, "the plugin's descriptor",
                  "declare it with SLUICE_PLUGIN or SLUICE_DECLARE_PLUGIN, and export it");
  }
  const auto& plugin = library.get<const sluice_plugin>(symbol);
  return {&plugin, describe(plugin)};
}

}  // namespace sluice::host
