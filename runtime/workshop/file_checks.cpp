#include "workshop/file_checks.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "host/elf_facts.hpp"
#include "host/file_gate.hpp"
#include "host/library.hpp"
#include "workshop/child.hpp"

namespace sluice::workshop {

namespace {

using host::ElfFacts;

constexpr std::string_view descriptor = "sluice_plugin_v1";
constexpr const char* hide = "build it with sluice_add_plugin, or link with a version script that keeps ";

bool is_cpp(const std::string& symbol) {
  return symbol.starts_with("_Z");
}
/// Symbols that linkers before binutils 2.36 define in every library.
bool is_the_linkers(const std::string& symbol) {
  static constexpr std::array<std::string_view, 5> names{"_init", "_fini", "_edata", "_end", "__bss_start"};
  return std::find(names.begin(), names.end(), symbol) != names.end();
}
/// Symbols of a build with sanitizers, whose runtime is in the program on purpose.
bool is_a_sanitizers(const std::string& symbol) {
  static constexpr std::array<std::string_view, 7> starts{"__asan_", "__ubsan_", "__tsan_",     "__odr_asan",
                                                          "__lsan_", "__msan_",  "__sanitizer_"};
  return std::any_of(starts.begin(), starts.end(), [&](auto start) { return symbol.starts_with(start); });
}

template <class Wanted>
std::vector<std::string> those(const std::vector<std::string>& symbols, Wanted wanted) {
  std::vector<std::string> some;
  std::copy_if(symbols.begin(), symbols.end(), std::back_inserter(some), wanted);
  return some;
}

Finding check_gate(const CheckOptions& options) {
  host::check_plugin_file(options.path, options.trust.ownership);
  const base::Descriptor file(open(options.path.c_str(), O_PATH | O_CLOEXEC));
  const bool is_vouched_for = trust::vet(options.trust, options.path, file.get()).open();
  return passed(std::string("kind, owner, permissions, machine and ABI note are right") +
                (is_vouched_for ? ", and what the lock or the signature says of it" : ""));
}

Finding check_exports(const ElfFacts& facts) {
  const auto extra = those(facts.exported, [](const std::string& symbol) {
    return symbol != descriptor && !is_cpp(symbol) && !is_the_linkers(symbol) && !is_a_sanitizers(symbol);
  });
  if (extra.empty()) return passed("exports no C symbol except " + std::string(descriptor));
  return failed("exports " + counted(extra.size(), "symbol") + " besides " + std::string(descriptor) + ": " +
                    some_of(extra),
                std::string(hide).append("all but ").append(descriptor) +
                    " local, because other libraries may otherwise bind to them");
}

Finding check_visibility(const ElfFacts& facts) {
  const auto visible = those(facts.exported, is_cpp);
  if (visible.empty()) return passed("no C++ symbol is visible");
  return failed(
      "exports " + counted(visible.size(), "C++ symbol") + ": " + some_of(visible, 3),
      "compile with -fvisibility=hidden -fvisibility-inlines-hidden, and " + std::string(hide) +
          "templates local too, because statics of headers are otherwise shared with other libraries");
}

Finding check_static_tls(const ElfFacts& facts) {
  if (!facts.static_tls) return passed("none");
  return failed(
      "needs space in the static block of thread-local storage (DF_STATIC_TLS), which may be exhausted",
      "compile it and everything linked into it with -fPIC and without -ftls-model=initial-exec");
}

Finding check_run_path(const ElfFacts& facts) {
  const auto fixed =
      those(facts.run_paths, [](const std::string& path) { return !path.starts_with("$ORIGIN"); });
  if (fixed.empty()) {
    return passed(facts.run_paths.empty() ? "none" : "only beside the plugin: " + some_of(facts.run_paths));
  }
  return failed("looks for libraries in " + some_of(those(fixed, [](auto& path) { return !path.empty(); })) +
                    (std::count(fixed.begin(), fixed.end(), "") > 0 ? " and the current directory" : ""),
                "link it without -rpath (sluice_add_plugin does), or with $ORIGIN/... for libraries that are "
                "shipped with it, because other machines have other directories");
}

Finding check_symbols(const CheckOptions& options, const ElfFacts& facts) {
  const std::string& path = options.path;
  host::check_plugin_file(path, options.trust.ownership);
  host::open_library(path);
  const auto own = those(facts.undefined, [](const std::string& symbol) { return !is_a_sanitizers(symbol); });
  const auto borrowed = host::borrowed_symbols(path, own);
  if (borrowed.empty()) {
    return passed(counted(own.size(), "undefined symbol") + ", each defined in a library that it needs (" +
                  (facts.needed.empty() ? "none" : some_of(facts.needed)) + ")");
  }
  return failed(counted(borrowed.size(), "undefined symbol") +
                    " that only this program happens to have: " + some_of(borrowed),
                "link the library that defines them to the plugin; with -z defs, which sluice_add_plugin "
                "uses, the build fails if one is missing");
}

}  // namespace

std::vector<Finding> check_file(const CheckOptions& options) {
  const std::string& path = options.path;
  std::vector<Finding> findings;
  const auto add = [&](const char* name, const std::function<Finding()>& check) {
    if (!findings.empty() && !options.wants(name)) return;
    findings.push_back(findings.empty() || findings.front().verdict == Verdict::passed
                           ? in_child(check, options.start_timeout)
                           : skipped("the file can't be used"));
    findings.back().check = name;
  };
  const auto with_facts = [&](Finding (*check)(const ElfFacts&)) {
    return [&path, check] { return check(host::read_elf_facts(path)); };
  };
  add("file", [&] { return check_gate(options); });
  add("exports", with_facts(check_exports));
  add("visibility", with_facts(check_visibility));
  add("static tls", with_facts(check_static_tls));
  add("run path", with_facts(check_run_path));
  add("symbols", [&] { return check_symbols(options, host::read_elf_facts(path)); });
  return findings;
}

}  // namespace sluice::workshop
