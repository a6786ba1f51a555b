#include "http/database_watch.hpp"

#include <algorithm>
#include <utility>

namespace sluice::http {

DatabaseWatch::DatabaseWatch(std::unique_ptr<store::DeskSession> desk, Options options)
    : desk_(std::move(desk)), options_(options), thread_([this] { run(); }) {}

DatabaseWatch::~DatabaseWatch() {
  {
    const base::Lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
}

SchemaLook DatabaseWatch::schema(std::chrono::milliseconds patience) {
  const base::Lock lock(mutex_);
  return ask(schema_, patience);
}

DepthLook DatabaseWatch::depths(std::chrono::milliseconds patience) {
  const base::Lock lock(mutex_);
  return ask(depths_, patience);
}

template <class Look>
Look DatabaseWatch::ask(Item<Look>& item, std::chrono::milliseconds patience) {
  if (Clock::now() >= item.next) {
    const std::uint64_t before = item.looks;
    item.wanted = true;
    changed_.notify_all();
    const auto until = Clock::now() + patience;
    while (item.looks == before && changed_.wait_until(mutex_, until)) {
    }
  }
  return item.last;
}

void DatabaseWatch::run() {
  base::Lock lock(mutex_);
  for (;;) {
    while (!stopping_ && !schema_.wanted && !depths_.wanted) changed_.wait(mutex_);
    if (stopping_) return;
    if (std::exchange(schema_.wanted, false)) {
      lock.unlock();
      SchemaLook look = look_at_schema();
      lock.lock();
      schema_.last = std::move(look);
      schema_.next = Clock::now() + options_.schema_interval;
      ++schema_.looks;
      changed_.notify_all();
    }
    if (std::exchange(depths_.wanted, false)) {
      lock.unlock();
      DepthLook look = count();
      lock.lock();
      depths_.last = std::move(look);
      depths_.next =
          Clock::now() + std::max(options_.depth_interval, depths_.last.took * options_.depth_share);
      ++depths_.looks;
      changed_.notify_all();
    }
  }
}

SchemaLook DatabaseWatch::look_at_schema() {
  try {
    desk_->check_schema();
    return {true, "", Clock::now()};
  } catch (const std::exception& error) {
    return {true, error.what(), Clock::now()};
  }
}

DepthLook DatabaseWatch::count() {
  DepthLook look;
  look.happened = true;
  const auto began = Clock::now();
  try {
    look.depths = desk_->depths(options_.most_counted);
  } catch (const std::exception& error) {
    look.problem = error.what();
  }
  look.took = Clock::now() - began;
  look.at = base::WallClock::now();
  return look;
}

}  // namespace sluice::http
