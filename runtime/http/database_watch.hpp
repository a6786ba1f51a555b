// What probes and scrapes may learn about the database: whether the schema is right, how many jobs wait. A
// thread with its own connection looks if somebody asks and the last look is old enough. So neither probes
// nor scrapes load the database, however many there are.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/threads.hpp"
#include "store/store.hpp"

namespace sluice::http {

/// The result of the last look; `problem` is empty if it succeeded.
struct SchemaLook {
  bool happened = false;
  std::string problem;
  base::Clock::time_point at = base::Clock::now();
};
struct DepthLook {
  bool happened = false;
  std::string problem;
  std::vector<store::QueueDepth> depths;
  base::WallClock::time_point at;
  base::Clock::duration took{};
};

class DatabaseWatch {
 public:
  using Clock = base::Clock;

  struct Options {
    Clock::duration schema_interval = std::chrono::seconds(2);
    Clock::duration depth_interval = std::chrono::seconds(5);
    int depth_share = 50;  ///< counting may take 1/50 of the time
    std::size_t most_counted = 1'000'000;
  };

  explicit DatabaseWatch(std::unique_ptr<store::DeskSession> desk)
      : DatabaseWatch(std::move(desk), Options()) {}
  DatabaseWatch(std::unique_ptr<store::DeskSession> desk, Options options);
  ~DatabaseWatch();
  DatabaseWatch(const DatabaseWatch&) = delete;
  DatabaseWatch& operator=(const DatabaseWatch&) = delete;

  // Any thread may call these. They wait for a new look if one is due, but for at most `patience`.

  SchemaLook schema(std::chrono::milliseconds patience);
  DepthLook depths(std::chrono::milliseconds patience);

 private:
  template <class Look>
  struct Item {
    Look last;
    std::uint64_t looks = 0;
    bool wanted = false;
    Clock::time_point next{};
  };

  void run();
  SchemaLook look_at_schema();
  DepthLook count();
  template <class Look>
  Look ask(Item<Look>& item, std::chrono::milliseconds patience) REQUIRES(mutex_);

  // constant; only the thread uses the session
  const std::unique_ptr<store::DeskSession> desk_;
  const Options options_;

  base::Mutex mutex_;
  base::Condition changed_;
  Item<SchemaLook> schema_ GUARDED_BY(mutex_);
  Item<DepthLook> depths_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;

  base::Thread thread_;
};

}  // namespace sluice::http
