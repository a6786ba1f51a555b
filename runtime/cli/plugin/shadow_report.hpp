// What would differ if another version of a plugin had run the same jobs, and how that is shown.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "job/job.hpp"

namespace sluice::cli {

/// How a job ended once: as it is recorded, or in a version that ran it again.
struct ShadowResult {
  job::Outcome outcome;
  bool knows_requests = false;  ///< its follow-up jobs and effects are known
  bool knows_time = false;
};

class ShadowReport {
 public:
  /// `was`, `is`: the names of what is compared: "recorded", "mail 2.1".
  ShadowReport(std::string was, std::string is) : was_{std::move(was), {}, {}}, is_{std::move(is), {}, {}} {}

  void add(const std::string& id, const ShadowResult& was, const ShadowResult& is);
  std::size_t jobs() const { return jobs_; }
  std::size_t differing() const { return differing_; }

  std::string text() const;
  std::string json(const std::string& type, bool network) const;

 private:
  struct Side {
    std::string name;
    std::map<std::string, std::int64_t> outcomes;
    std::vector<std::chrono::microseconds> times;
  };
  /// Jobs that differ in the same thing.
  struct Group {
    std::size_t jobs = 0;
    std::string was;  ///< of the first job
    std::string is;
    std::vector<std::string> ids;  ///< some
  };

  static void count(Side& side, const ShadowResult& result);
  void compare(const std::string& id, const job::Outcome& was, const job::Outcome& is);
  void compare_requests(const std::string& id, const job::Outcome& was, const job::Outcome& is);
  void differs(const std::string& id, const std::string& what, const std::string& was, const std::string& is);

  Side was_;
  Side is_;
  std::size_t jobs_ = 0;
  std::size_t differing_ = 0;
  std::map<std::string, Group> groups_;
  std::size_t left_out_ = 0;
  bool job_differs_ = false;
};

}  // namespace sluice::cli
