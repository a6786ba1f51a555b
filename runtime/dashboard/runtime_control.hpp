// What pages can do with runtimes. They are asked by signals, so only those on the same machine can be.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "store/desk.hpp"

namespace sluice::dashboard {

struct ReloadWish {
  enum class What { reload, canary, promote, abort, rollback };
  What what = What::reload;
  std::string share;    ///< of a canary: "5%"
  std::string longest;  ///< how long it is compared, "10m"; empty: the command's default
};

/// "reload", "canary", "promote", "abort" or "rollback".
const char* name(ReloadWish::What what);
std::optional<ReloadWish::What> parse_reload(const std::string& name);

struct ReloadChange {
  std::string plugin;
  std::string version;
  std::int64_t generation = 0;
  std::string change;  ///< "added", "replaced", "refused", "removed" or "canary"
  std::string file;
  std::string reason;  ///< of a refusal
};

/// What one runtime did.
struct ReloadResult {
  store::RuntimeId runtime = 0;
  int pid = 0;
  std::string problem;  ///< why nothing was changed, or why nothing is known
  std::vector<ReloadChange> changes;
};

/// Any thread. Calls may throw what a store throws, and base::UsageError for a wish that is not valid.
class RuntimeControl {
 public:
  virtual ~RuntimeControl() = default;

  /// Empty, or why the runtime can't be asked from here, as a predicate for "runtime 7".
  virtual std::string trouble(const store::RuntimeReport& runtime) const = 0;
  /// Throws if the wish is not valid.
  virtual void check(const ReloadWish& wish) const = 0;
  /// Asks all runtimes on this machine, and waits until each has said what it did; of a canary, until it has
  /// begun. `asked` is called with those that were asked. Returns early when `gives_up` says so.
  virtual std::vector<ReloadResult> reload(const ReloadWish& wish,
                                           const std::function<void(const std::string& runtimes)>& asked,
                                           const std::function<bool()>& gives_up) = 0;
  /// Has a runtime stop claiming, and end when its jobs have. Returns empty, or why it could not be asked.
  virtual std::string drain(const store::RuntimeReport& runtime) = 0;
};

}  // namespace sluice::dashboard
