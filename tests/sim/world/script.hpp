// What the simulated plugins declare, and what a job's handler does: its payload says it. Only values.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "job/plugin_spec.hpp"

namespace sluice::sim {

enum class Deed {
  done,       ///< after its time
  output,     ///< the same, with an output
  retry,      ///< fails once, and is done the second time
  fail,       ///< for good
  snooze,     ///< once
  crash,      ///< takes its host with it, once, and the host notes who it was
  obey,       ///< runs for long, and ends cancelled if it is asked to
  stubborn,   ///< the same, and does not listen
  effect,     ///< done, with an effect to be committed
  follow_up,  ///< done, with a follow-up job
  vanish,     ///< takes its host with it in its first attempt, and nobody can tell who it was
  poison,     ///< takes its host with it again and again, at the same place
  doomed,     ///< the same, and nobody can tell who it was
  hang,       ///< never ends in its first attempt
};
inline constexpr int deeds = 14;
inline constexpr int mild_deeds = 10;  ///< those before the last ones, which cost many hosts

struct Script {
  Deed deed = Deed::done;
  std::chrono::milliseconds takes{10};

  std::string payload() const;
  static Script of(std::string_view payload);
};

/// What the plugin file at `path` declares, in this version.
job::PluginSpec spec_of(const std::string& path, int version);

}  // namespace sluice::sim
