// Job type hello.greet: greets a person in the log.
#include <sluice/plugin.hpp>

#include "example.json.h"
#include "schema.json.h"

#include <string>

using namespace std::chrono_literals;

namespace {

// One object is made from the operator's configuration. All slots use it at the same time.
class Handler {
 public:
  explicit Handler(const sluice::Config& config) : greeting_(config.string_or("greeting", "Hello")) {}

  sluice::Result operator()(sluice::Job& job) const {
    const auto name = job.payload().string("name");
    if (job.is_cancelled()) return sluice::cancelled();
    job.log().info(greeting_, {{"name", name}});
    return sluice::done();
  }

 private:
  const std::string greeting_;
};

}  // namespace

SLUICE_PLUGIN(sluice::plugin("hello", "1.0.0")
                  .summary("Greets people in the log")
                  .config_schema(R"({"properties": {"greeting": {"type": "string"}}})"),
              sluice::job_type<Handler>("hello.greet")
                  .summary("Greets a person")
                  .schema(schema_json)
                  .example(example_json)
                  .timeout(30s)
                  .max_attempts(5));
