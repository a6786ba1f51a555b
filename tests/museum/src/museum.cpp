// A plugin that uses all of the C++ layer of ABI 1.0. make.sh builds the exhibit museum-cpp.so of it; the
// test is tests/program/museum_test.cpp. It is kept as the exhibit was built: don't change it, make a new
// one.
#include <rapidjson/document.h>
#include <sluice/plugin.hpp>

#include <atomic>
#include <stdexcept>
#include <string>

namespace {

using namespace std::chrono_literals;

// Its output is the configuration.
class Done {
 public:
  explicit Done(const sluice::Config& config) : word_(config.string("word")) {}

  struct Slot {
    explicit Slot(Done& done) : word(done.word_) {}
    std::string word;
  };

  sluice::Result run(sluice::Job& job, Slot& slot) const {
    if (job.is_cancelled() || job.attempt() != 1 || slot.word != word_)
      return sluice::fail("not as it should be");
    job.progress(0.5, "half");
    job.log().info("a job of the exhibit",
                   {{"payload", job.payload_text()}, {"number", 1.5}, {"key", job.idempotency_key()}});
    job.output(R"({"word": ")" + word_ + "\"}");
    return sluice::done();
  }

 private:
  std::string word_;
};

sluice::Result fail(sluice::Job&) {
  return sluice::fail("museum", "told to fail");
}

// The second attempt is done.
sluice::Result retry(sluice::Job& job) {
  if (job.attempt() == 2) return sluice::done();
  return sluice::retry("museum", "told to retry").after(1ms);
}

// The first call snoozes.
sluice::Result snooze(sluice::Job&) {
  static std::atomic<bool> snoozed{false};
  return snoozed.exchange(true) ? sluice::done() : sluice::snooze(1ms);
}

sluice::Result follow_up(sluice::Job& job) {
  job.enqueue({"museum-cpp.done", job.payload_text()});
  return sluice::done();
}

sluice::Result effect(sluice::Job& job) {
  job.execute("INSERT INTO museum (name, nothing) VALUES ($1, $2)", {"museum-cpp", nullptr});
  return sluice::done();
}

// The second attempt is done.
sluice::Result panic(sluice::Job& job) {
  if (job.attempt() == 1) throw std::out_of_range("told to panic");
  return sluice::done();
}

template <class Handler>
constexpr auto with_all(sluice::JobType<Handler> type) {
  return type.summary("An exhibit")
      .schema(R"({"type": "object"})")
      .example("{}")
      .max_attempts(3)
      .concurrency(2)
      .timeout(30s)
      .backoff(1ms, 2ms);
}

}  // namespace

SLUICE_PLUGIN(sluice::plugin("museum-cpp", "1.0.0")
                  .vendor("Sluice")
                  .url("https://example.com")
                  .license("Apache-2.0")
                  .summary("An exhibit of ABI 1.0 in C++")
                  .config_schema(R"({"required": ["word"]})"),
              with_all(sluice::job_type<Done>("museum-cpp.done")),
              with_all(sluice::job_type<fail>("museum-cpp.fail")),
              with_all(sluice::job_type<retry>("museum-cpp.retry")),
              with_all(sluice::job_type<snooze>("museum-cpp.snooze")),
              with_all(sluice::job_type<follow_up>("museum-cpp.follow-up")),
              with_all(sluice::job_type<effect>("museum-cpp.effect")),
              with_all(sluice::job_type<panic>("museum-cpp.panic")));
