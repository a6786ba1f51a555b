#include "http/database_watch.hpp"

#include <algorithm>
#include <utility>

namespace sluice::http {

DatabaseWatch::DatabaseWatch(std::unique_ptr<store::DeskSession> desk, Options options)
    : desk_(std::move(desk)),
      options_(options),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

SchemaLook DatabaseWatch::schema(std::chrono::milliseconds patience) {
  return ask(schema_, patience);
}

DepthLook DatabaseWatch::depths(std::chrono::milliseconds patience) {
  return ask(depths_, patience);
}

template <class Look>
Look DatabaseWatch::ask(Item<Look>& item, std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  if (Clock::now() >= item.next) {
    const std::uint64_t before = item.looks;
    item.wanted = true;
    changed_.notify_all();
    changed_.wait_for(lock, patience, [&] { return item.looks > before; });
  }
  return item.last;
}

void DatabaseWatch::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [&] { return schema_.wanted || depths_.wanted; })) {
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
  look.at = std::chrono::system_clock::now();
  return look;
}

}  // namespace sluice::http
