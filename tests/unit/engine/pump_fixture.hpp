// A fixture for tests of a claimer or a finisher: a scripted store, lanes of one plugin for jobs of type "t",
// an enlisted runtime, and a record of the calls through PumpContext.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "engine/pump/finisher.hpp"
#include "engine/scripted_store.hpp"

namespace sluice::engine {

class PumpFixture : public testing::Test {
 protected:
  explicit PumpFixture(int slots) {
    lanes_.set_lanes({{0, {"t"}, 0}});
    lanes_.set_slots(0, slots);
    runtime_ = enlist();
  }

  /// Inserts rows, which will be claimed in this order.
  void put(const std::vector<std::string>& ids) {
    for (const std::string& id : ids) {
      created_ += 0.001;
      store_.memory.put({id, "t", "{}", "pending", created_, created_, 0});
    }
  }
  std::string status(const std::string& id) const { return store_.memory.row(id)->status; }
  int attempts(const std::string& id) const { return store_.memory.row(id)->attempts; }
  bool becomes(const std::string& id, const std::string& wanted) const {
    return test::eventually([&] { return status(id) == wanted; });
  }

  store::RuntimeId enlist() {
    store::RuntimeInfo info;
    info.command = "run";
    return store_.memory.care()->enlist(info);
  }
  /// Fences the runtime, as another runtime that presumes it dead would.
  void fence() {
    const std::lock_guard lock(mutex_);
    store_.memory.care()->leave(runtime_, {});
  }

  /// The ids of all jobs that were given to plugins, in order, with repeats.
  std::vector<std::string> delivered() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> ids;
    for (const job::Job& one : delivered_) ids.push_back(one.id);
    return ids;
  }
  bool is_delivered(const std::string& id) const {
    const auto ids = delivered();
    return std::count(ids.begin(), ids.end(), id) > 0;
  }
  /// The job, if a plugin has it; else an empty job.
  job::Job with_plugin(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    const auto found =
        std::find_if(out_.begin(), out_.end(), [&](const job::Job& one) { return one.id == id; });
    return found == out_.end() ? job::Job{} : *found;
  }
  /// Takes the job from its plugin, with this result.
  job::Finished finished(const std::string& id, job::Result result = job::Result::done) {
    job::Finished finished;
    finished.outcome.result = result;
    const std::lock_guard lock(mutex_);
    const auto found =
        std::find_if(out_.begin(), out_.end(), [&](const job::Job& one) { return one.id == id; });
    finished.job = std::move(*found);
    out_.erase(found);
    return finished;
  }
  /// Returns the jobs to the finisher, all at once.
  void push(std::vector<job::Finished> jobs) {
    lanes_.on_return(jobs, Clock::now());
    finisher_->push(std::move(jobs));
  }
  void push(const std::string& id, job::Result result = job::Result::done) { push({finished(id, result)}); }

  void deliver(std::vector<job::Job> jobs) {
    const std::lock_guard lock(mutex_);
    for (job::Job& one : jobs) {
      out_.push_back(one);
      delivered_.push_back(std::move(one));
    }
  }
  /// Returns all jobs that plugins still have, unstarted, and ends the finisher.
  void end_finisher() {
    store_.let_go();
    for (const std::string& id : delivered()) {
      if (!with_plugin(id).id.empty()) push(id, job::Result::released);
    }
    finisher_->limit(Clock::now());
    finisher_->no_more();
    finisher_.reset();
  }

  store::RuntimeId runtime_of(store::RuntimeId fenced) {
    const std::lock_guard lock(mutex_);
    if (fenced != 0 && fenced == runtime_) {
      fenced_.push_back(fenced);
      runtime_ = enlist();
    }
    return runtime_;
  }

  test::ScriptedStore store_;
  Lanes lanes_{500, std::chrono::hours(1), std::nullopt, true};
  Outage outage_;
  Tally tally_;
  Policies policies_;
  std::atomic<bool> no_scheduled_ = false;
  std::atomic<int> notified_ = 0, idle_ = 0, ended_ = 0;
  std::function<void()> on_notified_ = [] {};

  mutable std::mutex mutex_;
  store::RuntimeId runtime_ = 0;
  std::vector<store::RuntimeId> fenced_;
  std::vector<job::Job> delivered_, out_;
  std::vector<job::Finished> turned_back_;
  std::vector<std::string> unwritten_;
  double created_ = std::chrono::duration<double>(base::WallClock::now().time_since_epoch()).count();

  PumpContext context_{store_,
                       lanes_,
                       outage_,
                       tally_,
                       policies_,
                       no_scheduled_,
                       1000,
                       100,
                       std::chrono::seconds(10),
                       [this](std::vector<job::Job> jobs) { deliver(std::move(jobs)); },
                       [this](std::vector<job::Finished> jobs) {
                         const std::lock_guard lock(mutex_);
                         for (auto& one : jobs) turned_back_.push_back(std::move(one));
                       },
                       [this](store::RuntimeId fenced) { return runtime_of(fenced); },
                       [this](std::vector<std::string> ids) {
                         const std::lock_guard lock(mutex_);
                         unwritten_.insert(unwritten_.end(), ids.begin(), ids.end());
                       },
                       [this] {
                         on_notified_();
                         ++notified_;
                       },
                       [this] { ++idle_; },
                       [this] { ++ended_; }};
  std::unique_ptr<Finisher> finisher_;
};

}  // namespace sluice::engine
