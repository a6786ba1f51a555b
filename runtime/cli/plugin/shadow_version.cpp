#include "cli/plugin/shadow_version.hpp"

#include <algorithm>
#include <utility>

#include "base/duration.hpp"
#include "base/threads.hpp"
#include "base/usage_error.hpp"
#include "config/host_users.hpp"
#include "config/job_settings.hpp"
#include "fleet/tickets.hpp"

namespace sluice::cli {

namespace {

using Clock = base::Clock;

constexpr workshop::Limit no_limit = std::chrono::hours(24);

/// What the operator and the plugin allow, but no network. Without a sandbox of its own, it may do the rest.
job::Sandbox without_network(job::Sandbox sandbox) {
  if (!sandbox.on) sandbox.read = sandbox.write = {"/"};
  sandbox.on = true;
  sandbox.any_network = sandbox.unix_sockets = false;
  sandbox.ports.clear();
  return sandbox;
}

}  // namespace

ShadowVersion::ShadowVersion(const config::Config& config, const std::string& file, std::string type,
                             bool network, int wake_fd)
    : config_(config), file_(file), type_(std::move(type)), network_(network), wake_fd_(wake_fd) {}

job::Sandbox ShadowVersion::sandbox() const {
  const job::Sandbox its = config::sandbox_of(spec_, config_);
  return network_ ? its : without_network(its);
}

/// Its name and so its rights are not known before it is loaded, and its code must not reach the network even
/// then.
std::optional<std::string> ShadowVersion::load() {
  const job::Sandbox first = network_ ? job::Sandbox{} : without_network({});
  plugin_ = std::make_unique<workshop::Rehearsal>(workshop::Stage{file_,
                                                                  false,
                                                                  1,
                                                                  static_cast<int>(log::Level::error),
                                                                  wake_fd_,
                                                                  first,
                                                                  config::trust_of(config_),
                                                                  {},
                                                                  config::first_user(config_)},
                                                  witness_);
  if (auto refusal = plugin_->load(config_.start_timeout)) return refusal;
  spec_ = plugin_->spec();
  const auto user = config::user_of(spec_.name, config_);
  const auto set = config_.plugins.find(spec_.name);
  const job::HostLimits limits =
      user && set != config_.plugins.end() ? set->second.limits : job::HostLimits{};
  const bool has_rights =
      sandbox() == first && user == config::first_user(config_) && limits == job::HostLimits{};
  return has_rights ? std::nullopt : plugin_->load_again(sandbox(), user, limits, config_.start_timeout);
}

std::optional<std::string> ShadowVersion::prepare() {
  if (auto refusal = load()) return refusal;
  const auto found = std::find_if(spec_.types.begin(), spec_.types.end(),
                                  [&](const auto& type) { return type.name == type_; });
  if (found == spec_.types.end()) throw base::UsageError(file_ + " does not handle '" + type_ + "'");
  type_index_ = static_cast<std::size_t>(found - spec_.types.begin());
  std::string config = "{}";
  if (const auto set = config_.plugins.find(spec_.name); set != config_.plugins.end()) {
    config = set->second.config;
    if (auto refusal = plugin_->limit(set->second.limits)) return refusal;
  }
  return plugin_->start(config, config_.start_timeout, config::strictness_of(spec_, config_));
}

std::optional<job::Outcome> ShadowVersion::run(job::Job job) {
  if (!plugin_->alive()) {
    if (const auto refusal = prepare()) {
      problem_ = file_ + ": " + *refusal;
      return std::nullopt;
    }
  }
  const auto time = config::limits_of(spec_, config_)[type_index_];
  job.max_attempts = config::policy_of(spec_.types[type_index_], config_).max_attempts;
  const std::uint32_t ticket = plugin_->send(job, type_index_);
  const auto limit = time.count() > 0 ? workshop::Limit(time) : no_limit;
  const auto due = Clock::now() + limit;
  auto returned = plugin_->next(limit);
  if (!returned && plugin_->alive() && Clock::now() < due) return std::nullopt;  // the user wants to stop
  const bool late = !returned && plugin_->alive();
  if (late) {
    plugin_->cancel(ticket);
    returned = plugin_->next(config_.cancel_grace);
    if (!returned) plugin_->kill();
  }
  if (late) return ended("timeout", "the job exceeded its time limit of " + base::format_duration(limit));
  if (!returned)
    return ended(fleet::crash_code, "the plugin host " + plugin_->ending() + " while this job ran");
  return std::move(returned->outcome);
}

job::Outcome ShadowVersion::ended(const char* code, const std::string& why) {
  job::Outcome outcome;
  outcome.result = job::Result::crashed;
  outcome.code = code;
  outcome.error = why;
  return outcome;
}

void ShadowVersion::stop() {
  if (plugin_ && plugin_->alive()) plugin_->stop(config_.cancel_grace);
}

std::string ShadowVersion::name() const {
  return spec_.name + (spec_.version.empty() ? "" : " " + spec_.version);
}

}  // namespace sluice::cli
