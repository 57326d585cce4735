"""Where the parts of ECAT's headers lie.

ECAT 7.2 (big-endian): CTI's header files as nibabel and GATE document them. ECAT 6.4 (VAX: words of
16 bits with the low byte first, floats of their own): m-ecat(4), medcon's and Turku's readers.
"""

from __future__ import annotations

from dataclasses import dataclass

from intake.parts import VAX, Part, following

BLOCK = 512


@dataclass(frozen=True)
class Layout:
    """A version of the format."""

    version: int
    order: str
    """As in struct(3)."""
    main: tuple[Part, ...]
    image: tuple[Part, ...]
    """A matrix's own header."""
    images: frozenset[int]
    """Values of ``file_type`` that are images of 16 bits."""
    others: dict[int, str]
    """What other values say."""
    pixels: int
    """The value of ``data_type`` for 16 bits in that order."""


def _numbered(name: str, form: str, many: int) -> tuple[tuple[str, str], ...]:
    return tuple((f"{name}_{number}", form) for number in range(1, many + 1))


MAIN_7 = following(
    0,
    *(("magic_number", "14s"), ("original_file_name", "32s"), ("sw_version", "h")),
    *(("system_type", "h"), ("file_type", "h"), ("serial_number", "10s")),
    *(("scan_start_time", "I"), ("isotope_name", "8s"), ("isotope_halflife", "f")),
    *(("radiopharmaceutical", "32s"), ("gantry_tilt", "f"), ("gantry_rotation", "f")),
    *(("bed_elevation", "f"), ("intrinsic_tilt", "f"), ("wobble_speed", "h")),
    *(("transm_source_type", "h"), ("distance_scanned", "f"), ("transaxial_fov", "f")),
    *(("angular_compression", "h"), ("coin_samp_mode", "h"), ("axial_samp_mode", "h")),
    *(("ecat_calibration_factor", "f"), ("calibration_units", "h")),
    *(("calibration_units_label", "h"), ("compression_code", "h"), ("study_type", "12s")),
    *(("patient_id", "16s"), ("patient_name", "32s"), ("patient_sex", "1s")),
    *(("patient_dexterity", "1s"), ("patient_age", "f"), ("patient_height", "f")),
    *(("patient_weight", "f"), ("patient_birth_date", "I"), ("physician_name", "32s")),
    *(("operator_name", "32s"), ("study_description", "32s"), ("acquisition_type", "h")),
    *(("patient_orientation", "h"), ("facility_name", "20s"), ("num_planes", "h")),
    *(("num_frames", "h"), ("num_gates", "h"), ("num_bed_pos", "h"), ("init_bed_position", "f")),
    *(("bed_position", "15f"), ("plane_separation", "f"), ("lwr_sctr_thres", "h")),
    *(("lwr_true_thres", "h"), ("upr_true_thres", "h"), ("user_process_code", "10s")),
    *(("acquisition_mode", "h"), ("bin_size", "f"), ("branching_fraction", "f")),
    *(("dose_start_time", "I"), ("dosage", "f"), ("well_counter_corr_factor", "f")),
    *(("data_units", "32s"), ("septa_state", "h"), ("fill_cti", "12s")),
)
IMAGE_7 = following(
    0,
    *(("data_type", "h"), ("num_dimensions", "h"), ("x_dimension", "h"), ("y_dimension", "h")),
    *(("z_dimension", "h"), ("x_offset", "f"), ("y_offset", "f"), ("z_offset", "f")),
    *(("recon_zoom", "f"), ("scale_factor", "f"), ("image_min", "h"), ("image_max", "h")),
    *(("x_pixel_size", "f"), ("y_pixel_size", "f"), ("z_pixel_size", "f")),
    *(("frame_duration", "i"), ("frame_start_time", "i"), ("filter_code", "h")),
    *(("x_resolution", "f"), ("y_resolution", "f"), ("z_resolution", "f")),
    *(("num_r_elements", "f"), ("num_angles", "f"), ("z_rotation_angle", "f")),
    *(("decay_corr_fctr", "f"), ("processing_code", "i"), ("gate_duration", "i")),
    *(("r_wave_offset", "i"), ("num_accepted_beats", "i"), ("filter_cutoff_frequency", "f")),
    *(("filter_resolution", "f"), ("filter_ramp_slope", "f"), ("filter_order", "h")),
    *(("filter_scatter_fraction", "f"), ("filter_scatter_slope", "f"), ("annotation", "40s")),
    *_numbered("mt", "f", 9),
    *(("rfilter_cutoff", "f"), ("rfilter_resolution", "f"), ("rfilter_code", "h")),
    *(("rfilter_order", "h"), ("zfilter_cutoff", "f"), ("zfilter_resolution", "f")),
    *(("zfilter_code", "h"), ("zfilter_order", "h"), *_numbered("mt_4", "f", 3)),
    *(("scatter_type", "h"), ("recon_type", "h"), ("recon_views", "h")),
    *(("fill_cti", "174s"), ("fill_user", "98s")),
)
MAIN_6 = (
    *following(28, ("original_file_name", "20s"), ("sw_version", "h"), ("data_type", "h")),
    *following(52, ("system_type", "h"), ("file_type", "h"), ("node_id", "10s")),
    *following(66, ("scan_start_day", "h"), ("scan_start_month", "h"), ("scan_start_year", "h")),
    *following(72, ("scan_start_hour", "h"), ("scan_start_minute", "h")),
    *following(76, ("scan_start_second", "h"), ("isotope_code", "8s"), ("isotope_halflife", VAX)),
    *following(90, ("radiopharmaceutical", "32s"), ("gantry_tilt", VAX)),
    *following(126, ("gantry_rotation", VAX), ("bed_elevation", VAX), ("rot_source_speed", "h")),
    *following(136, ("wobble_speed", "h"), ("transm_source_type", "h"), ("axial_fov", VAX)),
    *following(144, ("transaxial_fov", VAX), ("transaxial_samp_mode", "h")),
    *following(150, ("coin_samp_mode", "h"), ("axial_samp_mode", "h"), ("calibration_factor", VAX)),
    *following(158, ("calibration_units", "h"), ("compression_code", "h"), ("study_name", "12s")),
    *following(174, ("patient_id", "16s"), ("patient_name", "32s"), ("patient_sex", "1s")),
    *following(223, ("patient_age", "10s"), ("patient_height", "10s"), ("patient_weight", "10s")),
    *following(253, ("patient_dexterity", "1s"), ("physician_name", "32s")),
    *following(286, ("operator_name", "32s"), ("study_description", "32s")),
    *following(350, ("acquisition_type", "h"), ("bed_type", "h"), ("septa_type", "h")),
    *following(356, ("facility_name", "20s"), ("num_planes", "h"), ("num_frames", "h")),
    *following(380, ("num_gates", "h"), ("num_bed_pos", "h"), ("init_bed_position", VAX)),
    *following(388, *_numbered("bed_offset", VAX, 15), ("plane_separation", VAX)),
    *following(452, ("lwr_sctr_thres", "h"), ("lwr_true_thres", "h"), ("upr_true_thres", "h")),
    *following(458, ("collimator", VAX), ("user_process_code", "10s"), ("acquisition_mode", "h")),
)
IMAGE_6 = (
    *following(126, ("data_type", "h"), ("num_dimensions", "h")),
    *following(132, ("x_dimension", "h"), ("y_dimension", "h")),
    *following(160, ("x_origin", VAX), ("y_origin", VAX), ("recon_scale", VAX)),
    *following(172, ("scale_factor", VAX), ("image_min", "h"), ("image_max", "h")),
    *following(184, ("x_pixel_size", VAX), ("slice_width", VAX), ("frame_duration", "i")),
    *following(196, ("frame_start_time", "i"), ("slice_location", "h"), ("recon_start_hour", "h")),
    *following(204, ("recon_start_minute", "h"), ("recon_start_second", "h")),
    *following(208, ("recon_duration", "i")),
    *following(236, ("filter_code", "h"), ("scan_matrix_num", "i"), ("norm_matrix_num", "i")),
    *following(246, ("atten_cor_matrix_num", "i")),
    *following(296, ("image_rotation", VAX), ("plane_eff_corr_fctr", VAX)),
    *following(304, ("decay_corr_fctr", VAX), ("loss_corr_fctr", VAX), ("intrinsic_tilt", VAX)),
    *following(376, ("processing_code", "h"), ("quant_units", "h"), ("recon_start_day", "h")),
    *following(382, ("recon_start_month", "h"), ("recon_start_year", "h")),
    *following(388, ("ecat_calibration_factor", VAX), ("well_counter_corr_factor", VAX)),
    *following(396, *_numbered("filter_params", VAX, 6), ("annotation", "40s")),
)
OTHERS_7 = {
    1: "a sinogram",
    2: "images of ECAT 6's kind",
    3: "an attenuation correction",
    4: "a normalisation",
    5: "a polar map",
    6: "a volume of 8 bits",
    8: "projections of 8 bits",
    9: "projections of 16 bits",
    10: "images of 8 bits",
    11: "a 3D sinogram",
    12: "a 3D sinogram of 8 bits",
    13: "a 3D normalisation",
    14: "a 3D sinogram of fractions",
    15: "an interfile",
}
OTHERS_6 = {1: "a sinogram", 3: "an attenuation correction", 4: "a normalisation"}
SEVEN = Layout(7, ">", MAIN_7, IMAGE_7, frozenset({7}), OTHERS_7, 6)
SIX = Layout(6, "<", MAIN_6, IMAGE_6, frozenset({2}), OTHERS_6, 2)
