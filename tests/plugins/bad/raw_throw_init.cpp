// init throws an exception that would cross the C boundary, so the process ends with std::terminate.
#include <sluice/plugin.h>

#include <cstdint>
#include <stdexcept>

namespace {

void connect() {
  throw std::runtime_error("thrown through the C boundary");
}

std::int32_t init(const sluice_host*, sluice_str, void**) noexcept {
  connect();
  return 0;
}

std::int32_t handle(void*, void*, const sluice_job*) noexcept {
  return SLUICE_DONE;
}

constexpr sluice_job_type type = {
    sizeof(sluice_job_type), 0, SLUICE_STR("broken.raw-throw-init"), {}, {}, {}, 0, 0, 0, 0, 0, handle};
constexpr const sluice_job_type* types[] = {&type};

}  // namespace

SLUICE_DECLARE_PLUGIN = {sizeof(sluice_plugin),
                         SLUICE_ABI_MAJOR,
                         SLUICE_ABI_MINOR,
                         SLUICE_STR("raw-throw-init"),
                         SLUICE_STR("0.0.1"),
                         {},
                         {},
                         {},
                         {},
                         {},
                         types,
                         1,
                         init,
                         nullptr,
                         nullptr,
                         nullptr,
                         nullptr};
