// A place where a runtime runs: its plugin files, its configuration, and whoever starts it again when it has
// ended. Each start is a process of its own with a whole engine.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "world/database.hpp"
#include "world/host.hpp"
#include "world/ledger.hpp"
#include "world/settings.hpp"

namespace sluice::sim {

class Site {
 public:
  Site(const Settings& settings, std::size_t index, const std::string& scratch, Database& database,
       Ledger& ledger);

  /// Keeps a runtime running until close().
  void open();
  /// Runs one more, which drains and ends.
  void drain();
  /// Tells the runtime to stop, and starts none again.
  void close();
  bool is_closed() const { return closing_ && !up_ && drains_ == 0; }

  /// The runtime that runs; null if none does.
  Process* process() const { return up_ ? process_.get() : nullptr; }
  /// Its engine, once it has been made.
  const engine::Engine* engine() const { return engine_; }
  /// Which plugin has more hosts than are configured, or one that does not end; empty: none has.
  std::string crowd() const;
  void kill();
  void freeze();
  void thaw();
  /// Replaces a plugin's file: by a version that works, or one that is "refused", "slow", "dies",
  /// "hangs" or "lingers".
  void write_plugin(const std::string& plugin, const std::string& how);

 private:
  void supervise();
  void run(Process& process, bool drains, bool& over);
  void kill(Process& process);
  bool recycles(const std::string& plugin) const;

  const Settings& settings_;
  const std::size_t index_;
  const std::string directory_;
  Database& database_;
  Ledger& ledger_;
  Process world_{3, "world"};
  std::shared_ptr<Process> process_;
  std::vector<std::shared_ptr<Process>> all_;  // the dead ones, too, which their fibers refer to
  const engine::Engine* engine_ = nullptr;
  bool up_ = false;
  bool over_ = false;
  bool closing_ = false;
  int drains_ = 0;  // that run
  int version_ = 1;
  WaitList changed_;
};

}  // namespace sluice::sim
