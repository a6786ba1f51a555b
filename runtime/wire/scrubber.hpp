// Takes a plugin's secrets out of what its host says, so that a careless plugin writes none to the log or the
// database. It finds a secret as it is, and each of its lines; not one that is encoded or taken apart. For
// one thread.
#pragma once

#include <string>
#include <vector>

#include "job/job.hpp"
#include "job/secrets.hpp"
#include "wire/frame.hpp"

namespace sluice::wire {

class Scrubber {
 public:
  Scrubber() = default;
  /// Secrets and lines of less than job::shortest_scrubbed bytes are not looked for.
  explicit Scrubber(const job::Secrets& secrets);

  /// Replaces each secret, also one that a cut ("…") ends, by "[secret NAME]". Returns true if there was one.
  bool scrub(std::string& text) const;
  /// The same in the strings, names and numbers of JSON, which stays valid; text that is not JSON is text.
  void scrub_json(std::string& json) const;
  void scrub(LogLine& line) const;
  /// What is for people: code, error, output, log lines and stack. What the job requests stays as it is.
  void scrub(job::Outcome& outcome) const;

 private:
  struct Needle {
    std::string secret;
    std::string mark;
  };
  bool scrub_cut(std::string& text) const;

  std::vector<Needle> needles_;  // the longest first
};

}  // namespace sluice::wire
