#include <sluice/plugin.hpp>

using namespace std::chrono_literals;

namespace {

sluice::Result greet(sluice::Job& job) {
  const auto name = job.payload().string("name");
  job.log().info("greeting", {{"name", name}});
  return sluice::done();
}

// The same with what the operator configures; one object serves all slots.
class Welcome {
 public:
  explicit Welcome(const sluice::Config& config) : greeting_(config.string_or("greeting", "Welcome")) {}

  sluice::Result operator()(sluice::Job& job) const {
    const auto name = job.payload().string("name");
    job.log().info(greeting_ + ", " + name, {{"last_attempt", job.last_attempt()}});
    return sluice::done();
  }

 private:
  const std::string greeting_;
};

constexpr auto person = R"({
  "type": "object",
  "required": ["name"],
  "properties": {"name": {"type": "string", "minLength": 1}}
})";

}  // namespace

SLUICE_PLUGIN(sluice::plugin("hello", "1.0.0")
                  .summary("Greets people in the log")
                  .license("Apache-2.0")
                  .config_schema(R"({"properties": {"greeting": {"type": "string"}}})"),
              sluice::job_type<greet>("hello.greet")
                  .summary("Greets a person")
                  .schema(person)
                  .example(R"({"name": "Ada"})")
                  .timeout(30s)
                  .max_attempts(5),
              sluice::job_type<Welcome>("hello.welcome")
                  .summary("Greets a person with the configured greeting")
                  .schema(person)
                  .example(R"({"name": "Ada"})"));
