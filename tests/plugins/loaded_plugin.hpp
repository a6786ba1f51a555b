// A plugin's .so file, opened and driven through the ABI in the test's own process.
#pragma once

#include <dlfcn.h>

#include <map>
#include <sluice/testing_matchers.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sluice::test {

/// One plugin with one slot. Throws std::runtime_error with the plugin's message if it refuses to start.
class LoadedPlugin {
 public:
  LoadedPlugin(const std::string& file, std::string config,
               const std::map<std::string, std::string>& secrets = {})
      : config_(std::move(config)) {
    for (const auto& [name, value] : secrets) host_.secret(name, value);
    void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);  // never closed, as in the plugin host
    if (library == nullptr) throw std::runtime_error(dlerror());
    plugin_ = static_cast<const sluice_plugin*>(dlsym(library, "sluice_plugin_v1"));
    if (plugin_ == nullptr) throw std::runtime_error(file + " exports no sluice_plugin_v1");
    const sluice_str text{config_.data(), config_.size()};
    if (plugin_->init != nullptr && plugin_->init(&host_.raw(), text, &self_) != 0) {
      throw std::runtime_error("init: " + host_.error());
    }
    if (plugin_->slot_open != nullptr && plugin_->slot_open(self_, &host_.raw(), 0, &slot_) != 0) {
      if (plugin_->shutdown != nullptr) plugin_->shutdown(self_);
      throw std::runtime_error("slot_open: " + host_.error());
    }
  }
  ~LoadedPlugin() {
    if (plugin_->slot_close != nullptr) plugin_->slot_close(self_, slot_);
    if (plugin_->shutdown != nullptr) plugin_->shutdown(self_);
  }
  LoadedPlugin(const LoadedPlugin&) = delete;
  LoadedPlugin& operator=(const LoadedPlugin&) = delete;

  const sluice_plugin& descriptor() const { return *plugin_; }
  const testing::FakeHost& host() const { return host_; }

  const sluice_job_type& type(std::string_view name) const {
    for (std::size_t i = 0; i < plugin_->job_type_count; ++i) {
      const sluice_job_type& type = *plugin_->job_types[i];
      if (std::string_view(type.name.data, type.name.size) == name) return type;
    }
    throw std::runtime_error("the plugin has no job type " + std::string(name));
  }
  testing::Outcome run(std::string_view type_name, testing::FakeJob& job) {
    return job.run(type(type_name), self_, slot_);
  }

 private:
  const std::string config_;
  testing::FakeHost host_;
  const sluice_plugin* plugin_ = nullptr;
  void* self_ = nullptr;
  void* slot_ = nullptr;
};

}  // namespace sluice::test
