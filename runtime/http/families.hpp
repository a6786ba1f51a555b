// Metric families for Prometheus' serialiser, built one after another. Inside runtime/http only.
#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

#include "base/histogram.hpp"

namespace sluice::http {

using Labels = std::vector<prometheus::ClientMetric::Label>;

/// One family, to which samples are added.
class Family {
 public:
  Family(std::vector<prometheus::MetricFamily>& families, prometheus::MetricType type, std::string name,
         std::string help);

  void add(const Labels& labels, double value);
  template <class Number>
  void add(const Labels& labels, Number value) {
    add(labels, static_cast<double>(value));
  }
  void add(const Labels& labels, const base::Histogram& histogram);

 private:
  prometheus::MetricFamily& family() { return families_[index_]; }

  std::vector<prometheus::MetricFamily>& families_;
  const std::size_t index_;
};

/// All families of a page, without those that have no sample.
class Families {
 public:
  Family counter(std::string name, std::string help);
  Family gauge(std::string name, std::string help);
  Family histogram(std::string name, std::string help);

  std::string text() const;

 private:
  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace sluice::http
